"""Words of the people page and of one's own account; see `words`."""

from collections.abc import Mapping

PEOPLE: Mapping[str, str] = {
    "nav.people": "People",
    "nav.account": "Your account",
    "people.title": "People",
    "people.lead": "Who may sign in, and what they may watch.",
    "people.add": "Add a person",
    "people.you": "you",
    "people.disabled": "switched off",
    "people.role_admin": "Admin",
    "people.role_viewer": "Viewer",
    "people.role_admin_how": "Watches everything and changes everything.",
    "people.role_viewer_how": "Watches the cameras chosen below, and may share them.",
    "people.all_cameras": "All cameras",
    "people.no_camera": "No camera",
    "people.back": "All people",
    # Adding and changing
    "person.name": "User name",
    "person.name_hint": "Small letters, digits, dots, dashes and underscores.",
    "person.password": "Password",
    "person.password_hint": "Leave empty and the box makes one up.",
    "person.role": "Role",
    "person.cameras": "Cameras",
    "person.cameras_all": "All cameras, also later ones",
    "person.cameras_some": "Only these",
    "person.add_title": "Add a person",
    "person.add_submit": "Add",
    "person.rights": "What they may do",
    "person.rights_submit": "Save",
    "person.saved": "Saved.",
    "person.reset": "New password",
    "person.reset_how": "The old password stops working and {name} is signed out everywhere. What {name} "
    "shared stays shared.",
    "person.revoke_codes": "Also take back what {name} shared",
    "person.reset_submit": "Set new password",
    "person.away": "Signing out and switching off",
    "person.sign_out": "Sign out everywhere",
    "person.disable": "Switch off",
    "person.enable": "Switch on again",
    "person.enable_how": "{name} is switched off: nobody can sign in with this account, and what it "
    "shared is "
    "dark.",
    "person.remove": "Remove",
    "person.busy": "Saving…",
    "person.sign_out_title": "Sign {name} out everywhere?",
    "person.sign_out_loses": "{name} is signed out on every device, and running pictures go black. The "
    "password stays, and what {name} shared stays shared.",
    "person.disable_title": "Switch {name} off?",
    "person.disable_loses": "{name} is signed out everywhere and cannot sign in. What {name} shared stops "
    "working until you switch the account on again.",
    "person.remove_title": "Remove {name}?",
    "person.remove_loses": "The account is gone for good. {name} is signed out everywhere, and "
    "everything that "
    "{name} shared stops working. Recordings stay.",
    # Passwords that the box made
    "password.title": "The password of {name}",
    "password.once": "This page tells the password once. Hand it over; it can be changed under “Your "
    "account”.",
    # One's own account
    "account.title": "Your account",
    "account.signed_in": "Signed in as {user}",
    "account.password": "Change password",
    "account.old": "Current password",
    "account.new": "New password",
    "account.submit": "Change password",
    "account.changed": "Your password is changed. Everybody else who was signed in with it is signed out.",
    "account.password_how": "Everybody else who is signed in as you is signed out. What you shared stays "
    "shared.",
    "account.revoke_codes": "Also take back what you shared",
    "account.refused": "The current password is not right.",
    "account.everywhere": "Sign out everywhere",
    "account.everywhere_how": "Ends every session of yours, this one too: on lost phones and borrowed "
    "computers.",
    "account.everywhere_title": "Sign out everywhere?",
    "account.everywhere_loses": "You are signed out on every device, this one too. What you shared stays "
    "shared.",
}
