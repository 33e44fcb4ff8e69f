"""English: every error, with what to do about it. Keys are `errors.<code>`, in alphabetical order."""

TEXTS = {
    "errors.access.disabled": "Your access is switched off. Ask the owner of this assistant to switch it on.",
    "errors.access.init_data": "This sign-in is no longer good. Open the app again from the bot.",
    "errors.access.init_data_seen": "This sign-in was already used. Open the app again from the bot.",
    "errors.access.no_membership": "You need an invite first. Ask the owner for a link or enter your code.",
    "errors.access.role": "Only an admin can do this.",
    "errors.access.signed_out": "You are signed out. Open the app again from the bot.",
    "errors.access.token": "The access token is missing or no longer good. Sign in again.",
    "errors.database.unavailable": "The service is restarting. Try again in a few seconds.",
    "errors.internal": "Something went wrong on our side. Nothing is lost; try again. Reference: {reference}",
    "errors.invites.already_member": "You already belong to a group here; one invite is enough.",
    "errors.invites.bad_code": "An invite code has 12 letters and digits. Check it and enter it again.",
    "errors.invites.expires_at": "Give the expiry with its time zone, for example 2030-01-31T12:00:00Z.",
    "errors.invites.not_found": "There is no such invite.",
    "errors.invites.notes": "A note has at most {max} characters.",
    "errors.invites.owner_role": "An invite cannot make an owner.",
    "errors.invites.spent": "This invite is used up, revoked or expired. Ask the owner for a new one.",
    "errors.invites.status": "The status must be active, revoked or expired.",
    "errors.invites.uses_limit": "The number of uses must be between 0 (unlimited) and {max}.",
    "errors.sessions.not_found": "There is no such session.",
    "errors.tenants.name": "A name has 1 to {max} characters.",
}
