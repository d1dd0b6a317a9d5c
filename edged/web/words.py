"""Every word that a person reads in the browser: one catalogue, English first.

Keys say where a sentence stands. Values are format strings; `{name}` and the like are filled by `say`.
Keys that begin with `player.` also go to the script, which fills them in the same way.
"""

from collections.abc import Mapping

ENGLISH: Mapping[str, str] = {
    "app.name": "edged",
    "nav.label": "Main",
    "nav.live": "Live",
    "nav.recordings": "Recordings",
    "nav.logout": "Sign out",
    "nav.logout_user": "Sign out {user}",
    "nav.skip": "Skip to the content",
    "nav.back_live": "All cameras",
    "nav.back_recordings": "All recordings",
    "noscript.live": "Live pictures need JavaScript. You can still watch the recordings.",
    # Claim
    "claim.title": "Make this box yours",
    "claim.lead": "One minute, once. Afterwards only the people you choose can watch.",
    "claim.code": "Setup code",
    "claim.code_hint": "Printed in the box's log. On the box itself: edged setup-code",
    "claim.site": "Name of this place",
    "claim.site_hint": "Shown above the cameras, for example “Corner shop”.",
    "claim.username": "Your user name",
    "claim.password": "Password",
    "claim.password_hint": "At least {least} characters. A short sentence is easy to keep in mind.",
    "claim.submit": "Start watching",
    "claim.busy": "Setting up…",
    "claim.refused": "That setup code is not valid. Codes work once: ask the box for the current one with "
    "edged setup-code.",
    # Login
    "login.title": "Sign in",
    "login.username": "User name",
    "login.password": "Password",
    "login.submit": "Sign in",
    "login.busy": "Signing in…",
    "login.refused": "User name or password is not right.",
    "login.signed_out": "You are signed out.",
    # Forms
    "form.missing": "Please fill this in.",
    "form.too_long": "At most {most} characters, please.",
    "form.short_password": "At least {least} characters, please.",
    "form.username_shape": "Letters, digits, dots, dashes and underscores only, please.",
    "form.throttled": "Too many tries. Please wait {wait} and try again.",
    "form.disk": "The box cannot write to its disk right now. Look at the disk, then try again.",
    "form.show_password": "Show password",
    "form.hide_password": "Hide password",
    # Home
    "home.title": "Live",
    "home.empty": "No camera yet",
    "home.empty_how": "Plug a USB camera into the box. Its picture appears here by itself, and recording "
    "starts at once.",
    "home.empty_viewer": "No camera has been shared with you yet. Ask the person who runs this box.",
    "home.cameras": "Cameras",
    "home.issues": "What needs you",
    # Camera
    "camera.live": "Live picture",
    "camera.recording_on": "Recording",
    "camera.recording_off": "Not recording",
    "camera.record_start": "Start recording",
    "camera.record_pause": "Pause recording",
    "camera.record_paused_how": "Recording of this camera is paused. The live picture goes on.",
    "camera.latest": "Latest recordings",
    "camera.latest_all": "All recordings of this camera",
    "camera.latest_empty": "Nothing recorded yet. The first recording appears within a minute of the first "
    "picture.",
    "camera.about": "About this picture",
    "camera.about_size": "Picture",
    "camera.about_format": "Camera sends",
    "camera.about_encoder": "Encoder",
    "camera.about_bitrate": "Data rate",
    "camera.about_audio": "Sound",
    "camera.about_audio_on": "Microphone on",
    "camera.about_audio_off": "No microphone",
    "camera.bitrate": "{mbit} Mbit/s",
    # Dots and states
    "dot.live": "Live",
    "dot.recording": "Live and recording",
    "dot.trouble": "Needs attention",
    "dot.off": "Switched off",
    "dot.starting": "Starting",
    # Issues: the trouble, then the remedy
    "issue.unplugged": "{name} has been unplugged since {time}.",
    "issue.unplugged_how": "Plug it in again; picture and recording resume by themselves.",
    "issue.failed": "{name} sends no picture.",
    "issue.failed_how": "Try another USB port or cable.",
    "issue.stalled": "{name} froze.",
    "issue.stalled_how": "It is being restarted; nothing to do.",
    "issue.recording": "{name} is not being recorded.",
    "issue.recording_how": "Look at the disk: is it full, or gone?",
    "issue.engine": "Live viewing is restarting.",
    "issue.engine_how": "Recording goes on. Pictures come back by themselves.",
    # Recordings
    "recordings.title": "Recordings",
    "recordings.of": "Recordings of {name}",
    "recordings.empty": "Nothing recorded yet",
    "recordings.empty_how": "As soon as a camera sends pictures, its recordings appear here.",
    "recordings.empty_camera_how": "When this camera sends pictures and recording is on, its days appear "
    "here.",
    "recordings.empty_day": "No recordings on this day",
    "recordings.empty_day_how": "Choose another day.",
    "recordings.days": "Days",
    "recordings.newest": "Newest: {day}",
    "recordings.hours": "Hours of this day",
    "recordings.hour": "{from_} to {to}",
    "recordings.hour_none": "nothing recorded",
    "recordings.clips": "Clips",
    "recordings.utc": "Days and hours are cut at UTC; times are shown in your own time zone.",
    "recordings.play": "Play {time}",
    "recordings.download": "Download {time}",
    "recordings.download_short": "Download",
    "recordings.open": "being recorded",
    "recordings.choose": "Choose a clip to play it here.",
    "recordings.broken": "This clip cannot be played here. Download it, or choose another one.",
    "recordings.older_day": "Older day",
    "recordings.newer_day": "Newer day",
    # Counts and measures
    "count.days.one": "{n} day",
    "count.days.many": "{n} days",
    "count.clips.one": "{n} clip",
    "count.clips.many": "{n} clips",
    "size.gb": "{n} GB",
    "size.mb": "{n} MB",
    "duration.s": "{s} s",
    "duration.min": "{min} min",
    "duration.min_s": "{min} min {s} s",
    "duration.h_min": "{h} h {min} min",
    # Errors
    "error.400": "That request could not be understood.",
    "error.400_how": "Go back, reload the page and try again.",
    "error.403": "This is not open to you.",
    "error.403_how": "Ask the person who runs this box for access.",
    "error.404": "Nothing is here.",
    "error.404_how": "The address is wrong, or what stood here is gone.",
    "error.405": "That cannot be done here.",
    "error.405_how": "Go back to the start page.",
    "error.413": "That was too large.",
    "error.413_how": "Send less at once.",
    "error.429": "Too many tries.",
    "error.429_how": "Wait a minute, then try again.",
    "error.500": "Something went wrong in the box.",
    "error.500_how": "Cameras and recordings go on. Reload the page; if it stays, look at the box's log.",
    "error.503": "The box is busy.",
    "error.503_how": "Wait a few seconds, then reload the page.",
    "error.home": "To the start page",
    # The player
    "player.starting": "Starting…",
    "player.connecting": "Connecting…",
    "player.reconnecting": "Connection lost, trying again…",
    "player.frozen": "Frozen, restarting…",
    "player.unplugged": "Unplugged since {time}",
    "player.failed": "No picture from this camera. Try another USB port.",
    "player.disabled": "Switched off",
    "player.signed-out": "Signed out",
    "player.forbidden": "This picture is not open to you",
    "player.gone": "This camera is gone",
    "player.paused": "Paused while you were away",
    "player.unsupported": "This browser cannot play live pictures. Try another one.",
    "player.tap": "Tap to start",
    "player.sign_in": "Sign in again",
    "player.sound_on": "Sound on",
    "player.sound_off": "Sound off",
    "player.no_sound": "No sound",
    "player.snapshot": "Save picture",
    "player.fullscreen": "Full screen",
    "player.fullscreen_leave": "Leave full screen",
    "player.info": "About the connection",
    "player.mode_webrtc": "WebRTC",
    "player.mode_hls": "HLS",
    "player.info_line": "{mode} · {width}×{height} · {fps} pictures a second · {latency} ms behind",
    "player.keys": "Keys: F full screen, M sound, S save picture, arrows volume and next camera",
}


def say(key: str, **values: object) -> str:
    """The words of `key`, filled with `values`. An unknown key is a mistake of ours: KeyError."""
    words = ENGLISH[key]
    return words.format(**values) if values else words


def count(what: str, n: int) -> str:
    """`n` of something (`days`, `clips`) with the right plural."""
    return say(f"count.{what}.{'one' if n == 1 else 'many'}", n=f"{n:,}".replace(",", "\u202f"))


def size(amount: int) -> str:
    """Bytes in words: GB (10^9) from 1 GB on, else MB, never less than 0.1 MB."""
    if amount >= 1_000_000_000:
        return say("size.gb", n=f"{amount / 1e9:.1f}")
    mega = max(amount / 1e6, 0.1)
    return say("size.mb", n=f"{mega:.0f}" if mega >= 10 else f"{mega:.1f}")


def duration(seconds: float) -> str:
    """Seconds in words, as exact as a person wants them."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return say("duration.h_min", h=hours, min=left)
    if minutes and rest and minutes < 10:
        return say("duration.min_s", min=minutes, s=rest)
    if minutes:
        return say("duration.min", min=minutes)
    return say("duration.s", s=rest)


def script_words() -> dict[str, str]:
    """What the player says, for the script; keys without their `player.`."""
    return {key.removeprefix("player."): words for key, words in ENGLISH.items() if key.startswith("player.")}
