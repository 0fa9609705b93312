//! Hashes that the real libraries made: Werkzeug 3.1.9 (`generate_password_hash(p, method=…)`),
//! Django 5.2.19 (`PBKDF2PasswordHasher().encode(p, salt, rounds)`) and bcrypt 5.0.0
//! (`hashpw(p.encode()[:72], gensalt(4))`; the prefix `$2y$`, PHP's name for the same, written over).
//! Few rounds, for the tests' sake; each library's default is among them where it is quick.

use super::{Memory, Stored, Unusable};
use argon2::{Argon2, Params};
use proptest::prelude::*;

const PLAIN: &str = "correct horse battery";
const ACCENTS: &str = "Grüße aus Jakarta";

const VECTORS: &[(&str, &str)] = &[
    // bcrypt
    (
        PLAIN,
        "$2b$04$8p95KqdNHfWkl6EGkaYhnegKdAevUjMe3Wf.e7htUd0M35xlRaKhq",
    ),
    (
        PLAIN,
        "$2a$04$AyB2yj8nNgl06CaTot7cR.szCYSH238VJlQHZiaHMjt1L3Q1XsU0i",
    ),
    (
        PLAIN,
        "$2y$04$/jaEITIYZwPltMLwD5bE6uObYckc2zigh.k3cLVjyG4A8/o0DVoz.",
    ),
    (
        PLAIN,
        "$2y$12$nuIbRGWyAVscncuJ9iZizuDVq7i8QkT6y.nBtMBpzpdYcMZ45dL2S",
    ),
    (
        ACCENTS,
        "$2b$04$W5sBYimJ/n6pU7U.LpkjjevpxrBk6mVyglXuidr2wZ1NGzaGnc30.",
    ),
    (
        ACCENTS,
        "$2a$04$7ljkO40wr8hyh/xhLRGCvO9qVpJiDwCuwXrkeTvbALKZbsGPURqwm",
    ),
    (
        ACCENTS,
        "$2y$04$ZzwQ2j4cP9cU0wIOMaKQWuFY0VZP0/aeeqnOyIBgVg6/KlL0bSfY.",
    ),
    // Werkzeug
    (
        PLAIN,
        "pbkdf2:sha256:1000$GA3XSaLbiLfTohZn$945cdb3a013b1e1887de3c981ab4823d620c7fc3deead896446bf1d51ea6b362",
    ),
    (
        ACCENTS,
        "pbkdf2:sha256:1000$rNdKHecZzJHrC9vE$8ba60d8100f6ddb692d123e438caf06082c351f5168a3af4d026275e431d93cd",
    ),
    (
        PLAIN,
        "pbkdf2:sha512:1000$VaGyJP5GWiA3qRQC$ef5b0611b55b63b89c3d7cc57c541661e68458bdb3e24ed124b929177e5f9b624b66c23a05a3eadc9fcd628af7f4e660e3faa6bb0395b9720dfc73dccadae53f",
    ),
    (
        PLAIN,
        "pbkdf2:sha1:1000$xDhZRBqh5Q1fFkIt$413f1de30fb4716dfbddcee34da437f9b671e189",
    ),
    (
        PLAIN,
        "scrypt:1024:8:1$t77k0hsgBe2iADDv$41d38e52b34838f9a7bc4da60d472bbd4f08858234f6b5833e91fd6c74da0f6760b99869ee4a1087add5959ebd73804a8ff9b0e3b7cc0d4acdee3a317d6d1ba1",
    ),
    (
        ACCENTS,
        "scrypt:1024:8:1$WvT8bOQ48jg7aYzj$bf3a2fb9a80ecc09c274ab762965d4d3f985d3e9f0509391537cda867c3560dac48a2ef5de3bf401be78e387899cc25d2007a24b859de992468f41c7c52d185c",
    ),
    (
        PLAIN,
        "scrypt:32768:8:1$wc6pwlSQgSwhevCT$a1aa5a28d465da271b3e82d46feb37d32f8db1211859c98a7c9cdb16c38aea308c57f8fe8da4e803e0e502fd811f69137c7ef1f9f8d715a9dd6b324a55bd07ba",
    ),
    // Django
    (
        PLAIN,
        "pbkdf2_sha256$1000$TqCT5pLrJYsSbNEq$hr6iMeEQplm5KbWZnaVslLrDgVvmC0m5KFQCfY4md64=",
    ),
    (
        ACCENTS,
        "pbkdf2_sha256$1000$TqCT5pLrJYsSbNEq$hdBa/Uh6m1ynKfZV9ugP2o92iWA1JrJh5l3aJLId5dE=",
    ),
];

/// Of 80 times `x`, by libraries that take it whole.
const LONG: &[&str] = &[
    "pbkdf2:sha256:1000$KGAbcyUA9cp0klvv$b7fda1af0d3e22e4a7da514e12968a6398a4ce03fd9cfbccca8bc8114e9bbdb0",
    "scrypt:1024:8:1$rb3gCMHMcy47Oft0$ead1fa180aed1f3fc6f6c63b99072a6b5e1299f8ceedb1c7b1f1d37369a083ba41cafd03573c47116522941b03c7049942ae53499451aeb1f6a08022412967ab",
    "pbkdf2_sha256$1000$TqCT5pLrJYsSbNEq$JMBU1ppnW+xGg0opyf7hSGAfSmuey8yhciPj1h3hjmc=",
];

/// Of its first 72 bytes.
const CUT: &[&str] = &[
    "$2b$04$kVj0DXR9JxzmBn/um7GpXOpxrpancfOYtaKXsh2QNbXkPRsrWkjxe",
    "$2a$04$Ef9O7220LjGFzJMDxbO7g.24qIN4cRmIhHh7SXemqwXM4ZyOIq3m2",
    "$2y$04$UXHNQ9q09C1OTc4kQPPor.CTwFoSGozwN3i/W29gXwqbzg.CCTFue",
];

fn parse(text: &str) -> Result<Stored<'_>, Unusable> {
    Stored::parse(text, &Params::DEFAULT)
}

/// Of the smallest size there is.
fn memory() -> Memory {
    Memory::of(&Argon2::from(Params::new(8, 1, 1, None).unwrap()))
}

fn verify(password: &str, text: &str) -> bool {
    parse(text).unwrap().verify(password, &memory())
}

#[test]
fn accepts_what_other_systems_made_and_no_other_password() {
    for (password, text) in VECTORS {
        assert!(!verify("wrong horse battery", text), "{text}");
        assert!(verify(password, text), "{text}");
        assert!(!parse(text).unwrap().is_current(&Params::DEFAULT));
    }
}

#[test]
fn bcrypt_looks_at_72_bytes_and_the_others_at_all() {
    for text in CUT {
        assert!(verify(&"x".repeat(80), text) && verify(&"x".repeat(72), text));
        assert!(!verify(&"x".repeat(71), text));
    }
    for text in LONG {
        assert!(verify(&"x".repeat(80), text) && !verify(&"x".repeat(79), text));
    }
}

/// From the test of the reference code (phc-winner-argon2, `src/test.c`).
#[test]
fn argon2_takes_memory_that_other_hashes_left() {
    let memory = memory();
    let vectors = [
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    ];
    for text in vectors.iter().chain(&vectors) {
        let hash = parse(text).unwrap();
        assert!(hash.verify("password", &memory), "{text}");
        assert!(!hash.verify("Password", &memory), "{text}");
    }
}

#[test]
fn a_nul_does_not_make_two_passwords_one() {
    let (_, text) = VECTORS[0];
    for password in [format!("{PLAIN}\0"), format!("{PLAIN}\0{PLAIN}")] {
        assert!(!verify(&password, text));
    }
}

#[test]
fn refuses_what_is_damaged() {
    for (password, text) in VECTORS {
        for end in 0..text.len() {
            assert!(
                !text.is_char_boundary(end)
                    || parse(&text[..end]).map_or(true, |hash| hash.is_current(&Params::DEFAULT)),
                "{}",
                &text[..end]
            );
        }
        let last = text.trim_end_matches('=').len() - 2;
        let other = if &text[last..=last] == "a" { "b" } else { "a" };
        let changed = format!("{}{other}{}", &text[..last], &text[last + 1..]);
        // scrypt and bcrypt at real costs are slow enough once.
        if !text.contains("32768") && !text.contains("$12$") {
            assert!(
                parse(&changed).map_or(true, |hash| !hash.verify(password, &memory())),
                "{changed}"
            );
        }
    }
    for text in [
        "",
        "$",
        "plain text",
        "$2x$04$8p95KqdNHfWkl6EGkaYhnegKdAevUjMe3Wf.e7htUd0M35xlRaKhq",
        "$2b$+4$8p95KqdNHfWkl6EGkaYhnegKdAevUjMe3Wf.e7htUd0M35xlRaKhq",
        "pbkdf2:md5:1000$salt$00",
        "pbkdf2:sha256:-1$salt$00",
        "pbkdf2:sha256:0$GA3XSaLbiLfTohZn$945cdb3a013b1e1887de3c981ab4823d620c7fc3deead896446bf1d51ea6b362",
        "scrypt:1000:8:1$t77k0hsgBe2iADDv$41d38e52b34838f9a7bc4da60d472bbd4f08858234f6b5833e91fd6c74da0f6760b99869ee4a1087add5959ebd73804a8ff9b0e3b7cc0d4acdee3a317d6d1ba1",
        "$argon2id$v=19$m=128,t=1,p=1$c29tZXNhbHRzYWx0",
    ] {
        assert!(matches!(parse(text), Err(Unusable::Unknown)), "{text}");
    }
}

proptest! {
    #[test]
    fn never_panics(head in "(\\$argon2id\\$|\\$2[aby]\\$|pbkdf2:sha(1|256)?:|pbkdf2_sha256\\$|scrypt:)?", tail in ".{0,90}") {
        let _ = parse(&format!("{head}{tail}"));
    }
}
