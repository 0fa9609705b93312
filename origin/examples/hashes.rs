//! What `./scripts/bench origin auth` measures logins against: hashes of the default parameters, as
//! many at once as there are cores, and nothing else. Argument: seconds. Prints hashes per second.

use gapura_origin::{auth::password::Hasher, config};
use std::{
    env,
    sync::Arc,
    thread::available_parallelism,
    time::{Duration, Instant},
};

#[tokio::main]
async fn main() {
    let seconds = env::args().nth(1).and_then(|text| text.parse().ok());
    let began = Instant::now();
    let until = began + Duration::from_secs(seconds.unwrap_or(4));
    let settings = config::parse("", &|_| None).map(|config| config.auth);
    let Some(hasher) = settings
        .ok()
        .and_then(|settings| Hasher::new(&settings).ok())
    else {
        return;
    };
    let hasher = Arc::new(hasher);
    let cores = available_parallelism().map_or(1, usize::from);
    let workers: Vec<_> = (0..cores)
        .map(|_| tokio::spawn(hash_until(until, Arc::clone(&hasher))))
        .collect();
    let mut done = 0;
    for worker in workers {
        done += worker.await.unwrap_or_default();
    }
    #[expect(clippy::print_stdout, reason = "its result")]
    {
        println!("{:.2}", f64::from(done) / began.elapsed().as_secs_f64());
    }
}

async fn hash_until(until: Instant, hasher: Arc<Hasher>) -> u32 {
    let mut done = 0;
    while Instant::now() < until {
        let made = hasher.hash("correct horse battery staple".into()).await;
        done += u32::from(made.is_ok());
    }
    done
}
