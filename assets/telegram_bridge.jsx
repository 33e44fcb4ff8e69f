// The Mini App's side of the conversation with Telegram and with the server's sign-in.
// Everything that must not be in React (storage, launch data, theme) happened in bridge.js.
import { useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";

const answered = { challenge: "" };

/** Answers the server's challenge on each new socket with the resume secret. */
const usePresent = ({ challenge, refusals, onPresent, onFailure }) => {
  const seenRefusals = useRef(refusals);
  useEffect(() => {
    const tga = window.tga;
    const again = refusals > seenRefusals.current;
    seenRefusals.current = refusals;
    if (!challenge || (answered.challenge === challenge && !again)) return;
    answered.challenge = challenge;
    (again ? tga.refused() : tga.credentials()).then((found) => {
      if (answered.challenge !== challenge) return;
      const launch = { ...tga.launch };
      if (found.secret) onPresent({ secret: found.secret, ...launch });
      else onFailure({ failure: found.failure, ...launch });
    });
  }, [challenge, refusals]);
};

const useBackButton = (backTo) => {
  const navigate = useNavigate();
  useEffect(() => {
    let undo = () => {};
    let gone = false;
    window.tga.sdk.then(() => {
      if (gone || !window.tga.supports("6.1")) return;
      const button = window.tga.app().BackButton;
      const back = () => navigate(backTo);
      if (backTo) {
        button.onClick(back);
        button.show();
        undo = () => button.offClick(back);
      } else {
        button.hide();
      }
    });
    return () => {
      gone = true;
      undo();
    };
  }, [backTo]);
};

/** Telegram's own button below the page opens a link; the page then hides its `.tg-main-fallback`. */
const useMainButton = (text, url) => {
  useEffect(() => {
    if (!text) return undefined;
    let undo = () => {};
    let gone = false;
    window.tga.sdk.then(() => {
      if (gone || !window.tga.nativeBar || !window.tga.app()) return;
      const button = window.tga.app().MainButton;
      const press = () => window.tga.openLink(url);
      button.setParams({ text, is_visible: true, is_active: true });
      button.onClick(press);
      document.documentElement.dataset.mainButton = "shown";
      undo = () => {
        button.offClick(press);
        button.hide();
        delete document.documentElement.dataset.mainButton;
      };
    });
    return () => {
      gone = true;
      undo();
    };
  }, [text, url]);
};

/** A live login must not be lost by a swipe. */
const useClosingConfirmation = (closing) => {
  useEffect(() => {
    window.tga.sdk.then(() => {
      if (!window.tga.supports("6.2")) return;
      if (closing) window.tga.app().enableClosingConfirmation();
      else window.tga.app().disableClosingConfirmation();
    });
    return () => {
      if (closing && window.tga.supports("6.2")) window.tga.app().disableClosingConfirmation();
    };
  }, [closing]);
};

/** `haptic` is "kind:number"; a new number is a new tap. No kind: a notice went, or the server forgot them all. */
const useHaptic = (haptic) => {
  const last = useRef(haptic);
  useEffect(() => {
    const kind = haptic.split(":")[0];
    if (kind && haptic !== last.current) window.tga.haptic(kind);
    last.current = haptic;
  }, [haptic]);
};

export const TelegramBridge = (props) => {
  usePresent(props);
  useBackButton(props.backTo ?? "");
  useMainButton(props.mainText ?? "", props.mainUrl ?? "");
  useClosingConfirmation(Boolean(props.closing));
  useHaptic(props.haptic ?? "");
  useEffect(() => {
    if (props.language) document.documentElement.lang = props.language;
  }, [props.language]);
  return null;
};

/** A button that asks Telegram's native popup before it acts. */
export const ConfirmButton = ({ message, onConfirm, children, ...rest }) => (
  <button
    type="button"
    {...rest}
    onClick={async () => {
      if (await window.tga.confirmed(message)) onConfirm();
    }}
  >
    {children}
  </button>
);

/** Copies a text and says so. */
export const CopyButton = ({ text, onCopied, children, ...rest }) => (
  <button
    type="button"
    {...rest}
    onClick={async () => {
      if (await window.tga.copy(text)) {
        window.tga.haptic("success");
        onCopied?.();
      }
    }}
  >
    {children}
  </button>
);

/** Offers a link to another chat through Telegram's share screen. */
export const ShareButton = ({ url, text, children, ...rest }) => (
  <button type="button" {...rest} onClick={() => window.tga.share(url, text)}>
    {children}
  </button>
);

/** A link that Telegram opens itself when it is one of its own. */
export const TelegramLink = ({ href, children, ...rest }) => (
  <a
    {...rest}
    href={href}
    target="_blank"
    rel="noopener noreferrer"
    onClick={(event) => {
      event.preventDefault();
      window.tga.openLink(href);
    }}
  >
    {children}
  </a>
);

// Whether the newest message is kept in sight: until the person scrolls up, and again once they ask.
let following = true;

/** A row that scrolls sideways and opens with its chosen member (`.on`) in the middle. */
export const ScrolledRow = ({ children, ...rest }) => {
  const row = useRef(null);
  useEffect(() => {
    const chosen = row.current?.querySelector(".on");
    if (chosen) row.current.scrollLeft = chosen.offsetLeft - (row.current.clientWidth - chosen.offsetWidth) / 2;
  }, []);
  return (
    <nav {...rest} ref={row}>
      {children}
    </nav>
  );
};

/** Keeps the newest message in sight while an answer streams, unless the person has scrolled away. */
export const FollowBottom = ({ mark, children, ...rest }) => {
  const end = useRef(null);
  const top = useRef(0);
  useEffect(() => {
    following = true;
    const scrolled = () => {
      const page = document.documentElement;
      const near = page.scrollHeight - page.scrollTop - window.innerHeight < 160;
      // Only a way up is the person's: content that grew below is not.
      if (near || page.scrollTop < top.current - 2) following = near;
      top.current = page.scrollTop;
    };
    window.addEventListener("scroll", scrolled, { passive: true });
    return () => window.removeEventListener("scroll", scrolled);
  }, []);
  useEffect(() => {
    if (following) end.current?.scrollIntoView({ block: "end" });
  }, [mark]);
  return (
    <div {...rest}>
      {children}
      <div ref={end} className="tg-end" />
    </div>
  );
};

/** Seconds left until an instant (milliseconds since 1970), counting down on the screen itself. */
export const Countdown = ({ until, children, ...rest }) => {
  const shown = useRef(null);
  useEffect(() => {
    const tick = () => {
      if (!shown.current) return;
      const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
      const minutes = Math.floor(seconds / 60);
      shown.current.textContent = `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
    };
    tick();
    const timer = setInterval(tick, 1000);
    return () => clearInterval(timer);
  }, [until]);
  return <span ref={shown} {...rest} />;
};

// What is typed and not sent yet, by field: a screen that is built anew after a reconnect gives it back.
const typed = new Map();

/** A text field that keeps its text while its screen is built anew, and forgets it when one goes elsewhere. */
export const KeptField = ({ keep, initial, onTyped, children, ...rest }) => {
  const [first] = useState(() => typed.get(keep) ?? initial ?? "");
  useEffect(() => {
    const address = window.location.pathname;
    if (typed.get(keep)) onTyped?.(typed.get(keep)); // the server starts from nothing after a reconnect
    return () => {
      if (window.location.pathname !== address) typed.delete(keep);
    };
  }, []);
  const change = (event) => {
    typed.set(keep, event.target.value);
    onTyped?.(event.target.value);
  };
  return <input {...rest} defaultValue={first} onChange={change} />;
};

const randomId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

// The question last sent, until the server has written it down: a lost connection, or the end of the
// server's process, may have swallowed it, even where it is on the screen already.
let onTheWay = null;

/** A text field that grows, sends on Enter, and empties itself when the question is on its way. */
export const Composer = ({ placeholder, sendLabel, busy, maxLength, shown, onSend }) => {
  const field = useRef(null);
  const arrived = () => shown.some((exchange) => exchange.id === onTheWay.id && exchange.kept);
  useEffect(() => {
    // After a reconnect the screen is built anew, and while another question is answered none is taken.
    // The id makes sure that a question sent twice is asked once.
    if (onTheWay && !busy && !arrived()) onSend(onTheWay.question, onTheWay.id);
  }, [busy]);
  useEffect(() => {
    field.current.value = typed.get("question") ?? "";
    grow();
  }, []);
  useEffect(() => {
    if (onTheWay && arrived()) onTheWay = null;
  }, [shown]);
  const grow = () => {
    field.current.style.height = "auto";
    field.current.style.height = `${Math.min(field.current.scrollHeight, 140)}px`;
    typed.set("question", field.current.value);
  };
  const send = () => {
    const question = field.current.value.trim();
    if (!question || busy) return;
    const id = randomId();
    onSend([...question].slice(0, maxLength + 1).join(""), id); // enough to be refused; a socket takes 64 kB
    if (question.length > maxLength) return; // it will be refused: keep it for the person to shorten
    onTheWay = { id, question };
    following = true;
    field.current.value = "";
    grow();
  };
  return (
    <div className="tg-composer">
      <textarea
        ref={field}
        rows={1}
        placeholder={placeholder}
        aria-label={placeholder}
        data-testid="ask-input"
        onInput={grow}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            send();
          }
        }}
      />
      <button type="button" aria-label={sendLabel} disabled={busy} data-testid="ask-send" onClick={send}>
        <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
          <path d="M12 19V5M5.5 11.5 12 5l6.5 6.5" fill="none" stroke="currentColor" strokeWidth="2.4"
            strokeLinecap="round" strokeLinejoin="round" />
        </svg>
      </button>
    </div>
  );
};

/** Loads the page anew, for when sign-in could not reach the server. */
export const ReloadButton = ({ children, ...rest }) => (
  <button type="button" {...rest} onClick={() => window.location.reload()}>
    {children}
  </button>
);

/** Closes the Mini App: the person is back in the chat with the bot. */
export const CloseButton = ({ children, ...rest }) => (
  <button type="button" {...rest} onClick={() => window.tga.close()}>
    {children}
  </button>
);

// Lives outside React: a notice given just before a navigation goes on, an old one does not come back.
const notice = { number: 0, until: 0 };

/** The newest notice, for a few seconds; errors stay longer. */
export const Snackbar = ({ text, kind, number, closeLabel }) => {
  const [, redraw] = useState(0);
  if (number !== notice.number) {
    notice.number = number;
    notice.until = Date.now() + (kind === "error" ? 8000 : 4000);
  }
  const left = notice.until - Date.now();
  useEffect(() => {
    if (!text || left <= 0) return undefined;
    const timer = setTimeout(() => redraw((n) => n + 1), left + 20);
    return () => clearTimeout(timer);
  }, [number, text]);
  if (!text || left <= 0) return null;
  const close = () => {
    notice.until = 0;
    redraw((n) => n + 1);
  };
  return (
    <div className={`tg-snackbar ${kind === "error" ? "bad" : ""}`} role="status" data-testid="notice" key={number}>
      <span>{text}</span>
      <button type="button" data-testid="notice-close" onClick={close}>
        {closeLabel}
      </button>
    </div>
  );
};
