"""The bot's sentences in English: short, plain, no exclamation marks. Markup is Telegram's HTML."""

TEXTS: dict[str, str | dict[str, str]] = {
    "bot.menu": "Open",
    "bot.description": "I answer questions from the channels you read, and every answer links to the posts it came from.\n\n"
    "By invite. I read only what your own account may read.",
    "bot.short_description": "Answers from your channels, with links to the posts.",
    "bot.wait_seconds": {"one": "Try again in {n} second.", "other": "Try again in {n} seconds."},
    "bot.wait_minutes": {"one": "Try again in {n} minute.", "other": "Try again in {n} minutes."},
    # commands
    "bot.command.ask": "Ask your channels a question",
    "bot.command.search": "Find posts by their words",
    "bot.command.channels": "My channels and their loading progress",
    "bot.command.add": "Add a channel: @name or link",
    "bot.command.sessions": "The connected account",
    "bot.command.language": "Language: Russian or English",
    "bot.command.help": "What I can do",
    "bot.command.privacy": "What is kept and who sees it",
    "bot.command.delete_me": "Delete everything about me",
    "bot.command.cancel": "Stop the answer",
    "bot.command.admin": "Admin panel",
    "bot.admin.link": "The admin panel opens in a browser. The link is valid for {minutes} minutes and works once; do not forward it.",
    "bot.admin.link_plain": "Admin panel: {url}\n\n"
    "The link is valid for {minutes} minutes and works once; do not forward it.",
    "bot.button.open_panel": "Open the panel",
    # buttons
    "bot.button.open_app": "Open the app",
    "bot.button.enter_invite": "Enter an invite code",
    "bot.button.connect": "Connect the account",
    "bot.button.add_channels": "Choose channels",
    "bot.button.sessions": "All sign-ins",
    "bot.button.open_post": "Open the post",
    "bot.button.previous": "← Back",
    "bot.button.next": "More →",
    "bot.button.pause": "Pause",
    "bot.button.resume": "Load new posts again",
    "bot.button.ask_remove": "Remove from the list",
    "bot.button.remove": "Yes, remove",
    "bot.button.keep": "No, keep",
    "bot.button.back_to_channels": "← All channels",
    "bot.button.log_out": "Disconnect the account",
    "bot.button.log_out_yes": "Yes, disconnect",
    "bot.button.delete_group": "Also delete the group with everything in it",
    "bot.button.delete_me": "Delete everything about me",
    "bot.button.delete_me_really": "Yes, delete for good",
    # /start
    "bot.start.stranger": "Hello, {name}.\n\nI answer questions from the Telegram channels you read, and show which post "
    "each answer came from.\n\nYou need an invite: open the link from the owner of this assistant, "
    "or send me the code of 12 letters and digits.",
    "bot.start.connect": "One step first: connect your account by QR code, as you would Telegram Desktop. "
    "Then the assistant can see the channels you are subscribed to.\n\n"
    "I never ask for a password or a code: do not send them here.",
    "bot.start.channels": "Your account is connected. Now choose the channels to answer from: in the app, "
    "with <code>/add @name</code>, or forward any post of a channel here.",
    "bot.start.ready": "Hello, {name}. Ask away: write a question in plain words, "
    "and I will answer from your channels with links to the posts.",
    "bot.start.login": "The account is connected in the app: the QR code has to be shown on a second screen. "
    "Do not send passwords or codes here.",
    "bot.invite.joined": "You are in the group “{group}”.",
    # /help, /privacy, /cancel, language
    "bot.help": "<b>Ask</b>\nWrite a question in plain words, in English or Russian. I answer from your channels "
    "only; if they say nothing about it, I say so.\n/search words — only the posts, with links\n\n"
    "<b>Channels</b>\n/channels — the list and loading progress\n/add @name — add a channel; a link or a "
    "forwarded post works too\n\n"
    "<b>Account</b>\n/sessions — the connected account, disconnecting\n/language — language\n/privacy — "
    "what is kept\n/delete_me — delete everything\n/cancel — stop the answer",
    "bot.privacy": "<b>What is kept</b>\nThe posts of the channels you chose, your questions with their answers, your name "
    "in Telegram, and the session of the connected account. The session is encrypted, its key is kept apart "
    "from the database.\n\n"
    "<b>What is read</b>\nOnly the channels you chose. Private chats and groups are not read, nothing is written "
    "in your name, and nothing is trained on your data.\n\n"
    "<b>Who sees it</b>\nOnly you see your questions and your private channels. The assistant runs on the server of "
    "this group's owner; an outside AI service is used only if the owner switched it on.\n\n"
    "<b>For how long</b>\nQuestions and answers: 90 days, unless the group's owner chose otherwise. "
    "A channel's posts are deleted when nobody follows it.\n\n"
    "Delete everything now: /delete_me",
    "bot.cancel.stopped": "Stopped.",
    "bot.cancel.nothing": "There is nothing to stop right now.",
    "bot.language.choose": "Which language shall I speak?",
    "bot.language.name": "English",
    "bot.language.done": "English it is.",
    # questions
    "bot.ask.empty": "Write the question after the command: <code>/ask when does the bridge open</code>. "
    "A plain message works too.",
    "bot.ask.abstained": "I did not find this in your channels. Try other words, "
    "or add a channel that writes about it: <code>/add @name</code>",
    "bot.ask.no_channels": "There is nothing to answer from yet: add a channel with <code>/add @name</code> or in the app.",
    "bot.ask.sources": "<b>Sources</b>",
    "bot.ask.degraded.meaning": "<i>Search by meaning is not available at the moment; I searched by words.</i>",
    "bot.ask.degraded.model": "<i>The language model did not answer, so these are sentences from the posts themselves.</i>",
    "bot.login_code": "This looks like a login code. Never send one to any chat: Telegram cancels it at once. Your account is connected by QR code, and no login code is needed.",
    # search
    "bot.search.empty": "Write what to look for after the command: <code>/search night ferry</code>.",
    "bot.search.head": "<b>{query}</b>",
    "bot.search.line": '{n}. <a href="{url}">{title}</a>, {date}',
    "bot.search.nothing": "Nothing found. Try other words.",
    "bot.search.by_words_only": "<i>Search by meaning is not available at the moment; I searched by words.</i>",
    # channels
    "bot.channels.head": {"one": "<b>{n} channel</b>", "other": "<b>{n} channels</b>"},
    "bot.channels.line": "• <b>{title}</b> — {state}",
    "bot.channels.hint": "Tap a channel to pause or remove it. To add one: <code>/add @name</code>",
    "bot.channels.none": "No channels yet. Choose them in the app, send <code>/add @name</code>, "
    "or forward a channel's post here.",
    "bot.channels.posts": {"one": "{n} post", "other": "{n} posts"},
    "bot.channels.state.ready": "{posts}, all loaded",
    "bot.channels.state.loading": "{posts}, loading: {percent}%",
    "bot.channels.state.waiting": "waiting to be loaded",
    "bot.channels.state.paused": "{posts}, paused",
    "bot.channels.state.stopped": "{posts}, loading has stopped",
    "bot.channels.title": "<b>{title}</b>",
    "bot.channels.state_line": "{state}",
    "bot.channels.newest": '<a href="{url}">Newest loaded post</a>',
    "bot.channels.confirm_remove": "Remove “{title}” from the list? Its posts will be gone from your answers.",
    "bot.channels.removed": "The channel is removed.",
    "bot.add.empty": "Write a name or a link after the command: <code>/add @durov</code>. "
    "You can also forward any post of the channel here.",
    "bot.add.checking": "Asking Telegram, this may take half a minute.",
    "bot.add.still_checking": "Telegram has not answered yet. The channel appears in /channels as soon as it is found.",
    "bot.add.done": "Added <b>{title}</b>. Its posts are being loaded, see /channels.",
    "bot.add.not_from_channel": "This was not forwarded from a channel. Forward a post of the channel itself, "
    "or send <code>/add @name</code>",
    # sessions
    "bot.sessions.head": "<b>Telegram account</b>",
    "bot.sessions.line": "Connected on {date}. Telegram shows it under Devices as “{device}”.",
    "bot.sessions.ended": "Telegram ended the session. Connect the account again to get new posts.",
    "bot.sessions.none": "No account is connected. Connect yours so that the assistant can see your channels.",
    "bot.sessions.confirm": "Disconnect the account? The session ends in Telegram too, and no new posts will be loaded.",
    "bot.sessions.done": "The account is disconnected, and its session in Telegram has ended.",
    "bot.sessions.pending": "Telegram is not answering yet. The session ends as soon as it does; "
    "you can end it at once in Telegram: Settings → Devices.",
    # deletion
    "bot.delete.confirm": "Delete everything kept about you? The account is logged out of Telegram; your questions, answers, "
    "channels and membership of the group will be gone.",
    "bot.delete.confirm_again": "This cannot be undone. Coming back takes a new invite.",
    "bot.delete.kept": "Nothing was deleted.",
    "bot.delete.done": "Everything was deleted on {date}: {channels}, {questions}, the sessions and your membership.\n\n"
    "Receipt: <code>{number}</code>",
    "bot.delete.group": "The group was also deleted, with everything in it.",
    "bot.delete.channels": {"one": "{n} channel", "other": "{n} channels"},
    "bot.delete.questions": {"one": "{n} question", "other": "{n} questions"},
    # the rest
    "bot.group": "I work in a private chat only: write to me directly.",
    "bot.unknown": "There is no such command. Everything I can do: /help",
    "bot.not_yours": "Another bot or a chat wrote this, so it is no question of yours. Write it yourself.",
    "bot.not_text.sound": "I do not listen to voice messages or music. Write your question in words; "
    "Telegram can transcribe a voice message, and you can send me that text.",
    "bot.not_text.media": "I do not look at pictures, videos or files. Write your question in words, in the caption if you like. "
    "To add a channel, forward one of its posts or send its link.",
    "bot.not_text.sticker": "I do not understand stickers and games. Write your question in words.",
    "bot.not_text.place": "I cannot search by map. Write in words which place your question is about.",
    "bot.not_text.contact": "I do not read contacts. Write your question in words; "
    "to add a channel, send its @name or link.",
    "bot.not_text.poll": "I do not answer polls and to-do lists. Write your question in words.",
    "bot.not_text.story": "I do not read stories. To add a channel, forward one of its posts or send its @name.",
    "bot.not_text.other": "I understand text only. Write your question in words, or forward a channel's post to add the channel.",
    "bot.old_button": "This button is out of date. Everything I can do: /help",
    # errors
    "errors.erasure.last_owner": "You are the only owner of a group that has other people in it. Make one of them an owner in the "
    "admin panel first, or delete the group with everything in it as well.",
    "errors.erasure.log_out_pending": "Telegram has not confirmed the log-out yet, so nothing has been deleted. Try again in a minute, "
    "or end the session yourself: Settings → Devices.",
}
