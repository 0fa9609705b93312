//! English.

use super::{Topic, Words};

pub(super) const fn words(topic: Topic) -> Words {
    match topic {
        Topic::Signup => Words {
            subject: "Confirm your address at {name}",
            lead: "Welcome to {name}. Please confirm that this is your e-mail address.",
            action: "Confirm the address",
            code: "Or type this code:",
            tail: "If you did not sign up, do nothing: without a confirmation there is no account.",
        },
        Topic::AccountExists => Words {
            subject: "You have an account at {name}",
            lead: "Somebody, perhaps you, tried to use this address for an account at {name}. It has one already, and nothing has changed.",
            action: "Go to the site",
            code: "",
            tail: "If it was you: log in, or ask there for a new password. If not, you need not do anything.",
        },
        Topic::Recovery => Words {
            subject: "Choose a new password at {name}",
            lead: "Somebody, probably you, asked for a new password for your account at {name}.",
            action: "Choose a new password",
            code: "Or type this code:",
            tail: "If you did not ask for it, do nothing: your password stays as it is.",
        },
        Topic::Lockout => Words {
            subject: "Your account at {name} is locked for a while",
            lead: "There were too many failed logins to your account at {name}, so from there nobody gets in for a while, not even with the right password.",
            action: "If it was you, get in here and choose a new password",
            code: "Or type this code:",
            tail: "If it was not you, you need not do anything: nobody got in. The lock ends by itself.",
        },
        Topic::MagicLink => Words {
            subject: "Log in to {name}",
            lead: "This logs you in to {name}, once.",
            action: "Log in",
            code: "Or type this code:",
            tail: "If you did not ask for it, do nothing, and give the code to nobody.",
        },
        Topic::Invite => Words {
            subject: "An invitation to {name}",
            lead: "You are invited to have an account at {name}.",
            action: "Accept the invitation",
            code: "Or type this code:",
            tail: "If you do not want it, do nothing.",
        },
        Topic::EmailChangeFrom => Words {
            subject: "Change your address at {name}",
            lead: "Your account at {name} is to have the address {address} from now on. Please confirm it here, and in the mail that went there.",
            action: "Confirm the change",
            code: "Or type this code:",
            tail: "If you did not ask for it, do nothing, and change your password: somebody is logged in as you.",
        },
        Topic::EmailChangeTo => Words {
            subject: "Confirm your new address at {name}",
            lead: "An account at {name} is to have this address from now on. Please confirm that it is yours, here and in the mail that went to the old one.",
            action: "Confirm the new address",
            code: "Or type this code:",
            tail: "If you did not ask for it, do nothing.",
        },
        Topic::Reauthentication => Words {
            subject: "Your code for {name}",
            lead: "To go on at {name}, prove that it is you.",
            action: "",
            code: "Type this code:",
            tail: "If you did not ask for it, change your password: somebody is logged in as you. Give the code to nobody.",
        },
        Topic::PasswordChanged => Words {
            subject: "Your password at {name} was changed",
            lead: "The password of your account at {name} was changed, and your other devices were logged out.",
            action: "Go to the site",
            code: "",
            tail: "If it was not you, ask there for a new password at once.",
        },
    }
}
