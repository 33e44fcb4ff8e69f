"""English: the second screen's page."""

TEXTS = {
    "connect.admin_button": "Sign in to the panel",
    "connect.admin_next": "Send /admin to the bot and it will send a new link.",
    "connect.admin_text": "This browser will open the admin panel as “{who}” for 12 hours.",
    "connect.admin_title": "Admin panel sign-in",
    "connect.cancel": "Cancel",
    "connect.closed_next": "Open the app in Telegram and start again; you will get a new link.",
    "connect.closed_title": "This link does not work any more",
    "connect.explain.authorized": "Your account is connected. Go back to Telegram to choose channels; "
    "close this page.",
    "connect.explain.awaiting_scan": "Scan the code from inside Telegram, not with the phone's camera app.",
    "connect.explain.cancelled": "Nothing was connected. You can start again from the app.",
    "connect.explain.expired": "Time ran out and nothing was connected. Start again from the app.",
    "connect.explain.failed": "Nothing was connected. Start again from the app.",
    "connect.explain.password_required": "Your account is protected by two-step verification. Enter its password here.",
    "connect.explain.pending": "Asking Telegram for a login code.",
    "connect.for": "For {who}",
    "connect.link_button": "Show the login code",
    "connect.link_not_you": "Not you? Close this page. Nothing has happened.",
    "connect.link_text": "The assistant will be able to read the channels that {who} follows. It never "
    "writes, "
    "joins or answers for you, and you can log it out at any time.",
    "connect.link_title": "Connect the Telegram account of {who}",
    "connect.noscript": "This page needs JavaScript to show the login code. Turn it on and reload the page.",
    "connect.offline": "No connection. We'll keep trying.",
    "connect.password_button": "Continue",
    "connect.password_hint": "Hint:",
    "connect.password_label": "Two-step verification password",
    "connect.password_note": "It is sent encrypted, used once and never stored.",
    "connect.password_wrong": {
        "one": "Wrong password. {n} try left.",
        "other": "Wrong password. {n} tries left.",
    },
    "connect.qr_alt": "Login code for Telegram",
    "connect.reason.access_ended": "The owner of this assistant switched off your access. The account was "
    "logged out at once and nothing was stored. To get access back, write to the owner.",
    "connect.reason.flood_wait": {
        "one": "Telegram asks us to wait {n} second. Then we'll go on automatically.",
        "other": "Telegram asks us to wait {n} seconds. Then we'll go on automatically.",
    },
    "connect.reason.other": "Nothing was connected. Start again from the app.",
    "connect.reason.ownership_mismatch": "The code was scanned by another Telegram account. It was logged "
    "out at "
    "once and nothing was stored. Start again and scan with your own account.",
    "connect.reason.password_attempts": "Three wrong passwords. Nothing was connected. Check the password in "
    "Telegram's settings and start again from the app.",
    "connect.reason.replaced": "A newer attempt was started from the app. Use its link.",
    "connect.reason.session_ended": "You signed out where this began. Nothing was connected. Start again from the app.",
    "connect.reason.telegram_unavailable": "Telegram isn't responding. We'll keep trying.",
    "connect.seconds_left": "A new code in {n} s",
    "connect.state.authorized": "Connected",
    "connect.state.awaiting_scan": "Scan this code",
    "connect.state.cancelled": "Cancelled",
    "connect.state.expired": "Time ran out",
    "connect.state.failed": "Not connected",
    "connect.state.password_required": "One more step",
    "connect.state.pending": "Preparing the code",
    "connect.step_devices": "Go to Settings → Devices → Link Desktop Device",
    "connect.step_open": "Open Telegram on your phone",
    "connect.step_scan": "Point the camera at this code",
    "connect.title": "Connect your account",
}
