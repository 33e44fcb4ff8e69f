"""The phone's endpoints, one file per area."""

from sandbox.phone_routes import bot, channels, devices, person
from sandbox.phone_routes.request import Phone, Routes

ROUTES: Routes = [*person.ROUTES, *bot.ROUTES, *channels.ROUTES, *devices.ROUTES]

__all__ = ["ROUTES", "Phone"]
