"""QR codes on a page, as data URIs: black on white in every theme."""

import base64
from typing import Any

import reflex as rx

from tg_assistant.components.i18n import say
from tg_assistant.core.accounts import qr


def qr_picture(url: str) -> str:
    """A link's QR code as a data URI: requests of image tags carry no access token."""
    return "data:image/svg+xml;base64," + base64.b64encode(qr.svg(url)).decode()


def qr_code(picture: Any, description: str, testid: str) -> rx.Component:
    """The picture on a white card, a grey square until there is one; `description` is its alt text's code."""
    shown = rx.el.img(src=picture, alt=say(description))
    waiting = rx.el.div(class_name="tg-bone tg-qr-bone")
    return rx.el.div(rx.cond(picture != "", shown, waiting), class_name="tg-qr", data_testid=testid)
