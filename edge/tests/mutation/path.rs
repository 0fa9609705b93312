//! Paths and addresses in other spellings.

use super::{Mutation, random::swap};

pub(crate) const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "parent folders",
        classes: &["traversal"],
        mutate: |text, random| {
            let to = [
                "..//",
                ".././",
                "..%2f",
                "%2e%2e/",
                "%2e%2e%2f",
                "..%252f",
                ".%2e/",
                "..%c0%af",
                "..\\",
            ];
            swap(text, "../", &[random.pick(&to)], random)
        },
    },
    Mutation {
        name: "file names",
        classes: &["traversal"],
        mutate: |text, random| {
            swap(
                text,
                "/etc/passwd",
                &[
                    "/etc//passwd",
                    "/etc/./passwd",
                    "//etc/passwd",
                    "/etc/../etc/passwd",
                    "/etc/shadow",
                    "/etc/hosts",
                ],
                random,
            )
        },
    },
    Mutation {
        name: "addresses",
        classes: &["ssrf"],
        mutate: |text, random| {
            // In a URL's host alone.
            let loopback = [
                "//2130706433",
                "//0x7f000001",
                "//127.1",
                "//0177.0.0.1",
                "//[::1]",
                "//localhost",
                "//0x7f.0.0.1",
                "//[::ffff:127.0.0.1]",
                "//0.0.0.0",
            ];
            let metadata = [
                "//2852039166",
                "//0xa9fea9fe",
                "//[::ffff:169.254.169.254]",
                "//0251.0376.0251.0376",
                "//169.254.43518",
            ];
            swap(text, "//127.0.0.1", &loopback, random)
                .or_else(|| swap(text, "//169.254.169.254", &metadata, random))
        },
    },
    Mutation {
        name: "scheme case",
        classes: &["ssrf", "rfi"],
        mutate: |text, random| {
            swap(
                text,
                "http://",
                &["HTTP://", "hTTp://", "http://x@"],
                random,
            )
        },
    },
];
