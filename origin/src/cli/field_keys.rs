//! `gapura-origin keys rotate --fields`.

use super::{CliError, Out, environment, keys::Place};
use crate::{
    StartError, clock, config,
    data::{BadData, Data, Tally, Told, field::Fields},
    db::Db,
    log,
};
use gapura_shared::event::Kind;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// In events.
const ACTION: &str = "keys rotate --fields";
/// How often it is told how far it is.
const EVERY: Duration = Duration::from_secs(1);

pub(super) async fn rotate(place: &Place, pause: Duration, out: Out) -> Result<(), CliError> {
    let config = place.config()?;
    let keys = place.secret(config::field_keys(&environment))?;
    let laravel = place.secret(config::laravel_key(&environment))?;
    let fields = keys.map(|keys| Fields::new(keys, laravel));
    let db = Db::open(&config.database).await?;
    let done = run(&config.data, fields, &db, pause, out).await;
    db.close().await;
    let tally = done.map_err(StartError::from)?;
    out.tell(&line(tally), &members(tally))?;
    let left = tally.left;
    if left == 0 {
        Ok(())
    } else {
        Err(CliError::Left(left))
    }
}

async fn run(
    settings: &config::Data,
    fields: Option<Fields>,
    db: &Db,
    pause: Duration,
    out: Out,
) -> Result<Tally, BadData> {
    let data = Data::start(settings, fields, db).await?;
    data.may_rotate(db).await?;
    data.use_keys(db, clock::now()).await?;
    let mut told_at = Instant::now();
    let mut tell = |told: Told<'_>| match told {
        Told::Left { table, column, key } => out.progress(
            &format!("{table}.{column} of {key}: not encrypted anew"),
            &json!({ "left": { "table": table, "column": column, "key": key } }),
        ),
        Told::Progress { table, tally } if told_at.elapsed() >= EVERY => {
            told_at = Instant::now();
            let so_far = json!({ "table": table, "so_far": members(tally) });
            out.progress(&format!("{table}: {}", line(tally)), &so_far);
        }
        Told::Progress { .. } => {}
    };
    let key = data.field_key().unwrap_or_default();
    log::operator(Kind::FieldRotationBegun, key, ACTION);
    let done = data.rotate_fields(db, pause, &mut tell).await;
    let target = match &done {
        Ok(tally) => line(*tally),
        Err(_) => "broken off".to_owned(),
    };
    log::operator_on(Kind::FieldRotationEnded, key, ACTION, &target);
    done
}

fn members(tally: Tally) -> Value {
    json!({ "examined": tally.examined, "rewritten": tally.rewritten, "left": tally.left })
}

fn line(tally: Tally) -> String {
    let Tally {
        examined,
        rewritten,
        left,
    } = tally;
    format!("{examined} values examined, {rewritten} encrypted anew, {left} left")
}
