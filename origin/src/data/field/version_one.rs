//! Keys of version 1. Each costs [`ROUNDS`] of PBKDF2, some 30 ms, so they are remembered.

use super::{keys::Kek, limit::MAX_DERIVED};
use aes_gcm::{Aes256Gcm, aead::KeyInit};
use pbkdf2::pbkdf2_hmac;
use sha2::Sha256;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

const ROUNDS: u32 = 100_000;

/// Of one key-encryption key, by tenant.
#[derive(Default)]
pub(super) struct Derived {
    memory: Mutex<Memory>,
    /// Held while one is derived.
    turn: Mutex<()>,
}

#[derive(Default)]
struct Memory {
    ciphers: HashMap<String, Arc<Aes256Gcm>>,
    /// The oldest first.
    order: VecDeque<String>,
}

impl Derived {
    /// The cipher of a tenant. One at a time is derived: however many are asked for, they take one
    /// processor, and those that are known are at hand meanwhile.
    pub(super) fn cipher(&self, kek: &Kek, tenant: &str) -> Arc<Aes256Gcm> {
        if let Some(known) = self.memory(|memory| memory.ciphers.get(tenant).cloned()) {
            return known;
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = self.memory(|memory| memory.ciphers.get(tenant).cloned()) {
            return known;
        }
        let mut key = [0; 32];
        pbkdf2_hmac::<Sha256>(kek.secret.expose(), tenant.as_bytes(), ROUNDS, &mut key);
        let cipher = Arc::new(Aes256Gcm::new(&key.into()));
        self.memory(|memory| memory.remember(tenant, &cipher));
        cipher
    }

    /// Whether [`Derived::cipher`] is at hand.
    pub(super) fn knows(&self, tenant: &str) -> bool {
        self.memory(|memory| memory.ciphers.contains_key(tenant))
    }

    fn memory<T>(&self, of: impl FnOnce(&mut Memory) -> T) -> T {
        of(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Memory {
    fn remember(&mut self, tenant: &str, cipher: &Arc<Aes256Gcm>) {
        let known = self.ciphers.insert(tenant.to_owned(), cipher.clone());
        if known.is_some() {
            return;
        }
        self.order.push_back(tenant.to_owned());
        if self.order.len() > MAX_DERIVED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ciphers.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Aes256Gcm, Arc, KeyInit, MAX_DERIVED, Memory};

    #[test]
    fn remembers_a_bounded_number() {
        let cipher = Arc::new(Aes256Gcm::new(&[0; 32].into()));
        let mut memory = Memory::default();
        for tenant in 0..MAX_DERIVED + 2 {
            memory.remember(&tenant.to_string(), &cipher);
            memory.remember(&tenant.to_string(), &cipher);
        }
        assert_eq!(memory.ciphers.len(), MAX_DERIVED);
        assert_eq!(memory.order.len(), MAX_DERIVED);
        assert!(!memory.ciphers.contains_key("1"));
        assert!(memory.ciphers.contains_key("2"));
    }
}
