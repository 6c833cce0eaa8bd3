//! The reader of the SQLite file. Nothing is locked, made or written: SQLite is told that the file cannot change
//! (`immutable`), so it takes it as it lies, and whether it did change is seen from outside.
//!
//! Nginx Proxy Manager's database keeps a rollback journal: a writer first makes `…-journal`, then changes pages, then, with
//! the commit, counts the change in the file's header and removes the journal, or cuts it short, or puts zeros in the place of
//! its beginning (`journal_mode` DELETE, TRUNCATE, PERSIST). Without a journal that holds something before and after a reading,
//! and with the same header and time of change, nobody wrote in between.
//!
//! The file is foreign: it may be made so that a query never ends, or never ends to give rows. Both have their limits.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};

use super::inventory::{Certificate, Host, Inventory, Kind, Odd, moment};
use super::reasons::{Fault, Reason};
use super::rows::{Meta, NO_TIME};

/// How often a reading begins anew when somebody wrote meanwhile, and the pause before that.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(40);

/// After so many steps of SQLite's machine it is asked whether there is time left: some hundred microseconds.
const STEPS: i32 = 10_000;
/// No inventory has more rows.
const MOST: usize = 100_000;

/// The tables of hosts, each with what stands for the port and for whether it passes TCP on.
const TABLES: [(Kind, &str, &str, &str, &str); 4] = [
    (Kind::Proxy, "proxy_host", "domain_names", "NULL", "1"),
    (Kind::Redirection, "redirection_host", "domain_names", "NULL", "1"),
    (Kind::Dead, "dead_host", "domain_names", "NULL", "1"),
    (Kind::Stream, "stream", "'[]'", "incoming_port", "tcp_forwarding"),
];

/// Reads the inventory. Waits for a disk: not for a thread of the runtime. A query ends by the deadline.
pub(super) fn read(path: &Path, deadline: Instant) -> Result<Inventory, Fault> {
    let mut last = Fault::new(Reason::Busy, format!("{}: no try", path.display()));
    for attempt in 0..TRIES {
        if attempt > 0 {
            #[allow(
                clippy::disallowed_methods,
                reason = "this thread may wait: it is none of the runtime's"
            )]
            std::thread::sleep(PAUSE);
        }
        let before = match Stamp::of(path)? {
            Ok(stamp) => stamp,
            Err(busy) => {
                last = busy;
                continue;
            }
        };
        let ended = query(path, deadline);
        match Stamp::of(path)? {
            Ok(after) if after == before => return ended,
            Ok(_) => {
                last = Fault::new(Reason::Busy, format!("{}: written while it was read", path.display()))
            }
            Err(busy) => last = busy,
        }
    }
    Err(last)
}

/// What changes with every write.
#[derive(PartialEq, Eq)]
struct Stamp {
    header: [u8; 100],
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// The outer error will not go away by waiting, the inner one may.
    fn of(path: &Path) -> Result<Result<Self, Fault>, Fault> {
        let shown = path.display();
        let unread = |error: &std::io::Error| {
            let reason = match error.kind() {
                ErrorKind::NotFound => Reason::NotFound,
                ErrorKind::PermissionDenied => Reason::PermissionDenied,
                _ => Reason::Damaged,
            };
            Fault::new(reason, format!("{shown}: {error}"))
        };
        // Looked at before it is opened: to open a pipe would wait for a writer.
        let meta = std::fs::metadata(path).map_err(|error| unread(&error))?;
        if !meta.is_file() {
            return Err(Fault::new(Reason::Damaged, format!("{shown}: not a file")));
        }
        let mut header = [0; 100];
        let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
        match read {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(Fault::new(Reason::Damaged, format!("{shown}: too short for a database")));
            }
            read => read.map_err(|error| unread(&error))?,
        }
        if !header.starts_with(b"SQLite format 3\0") {
            return Err(Fault::new(Reason::Damaged, format!("{shown}: not a SQLite database")));
        }
        // https://sqlite.org/fileformat2.html#the_database_header: 2 at 18 or 19 is a write-ahead log.
        if header[18..20].contains(&2) && beside(path, "-wal").is_some_and(|size| size > 0) {
            let detail = format!("{shown}: its newest changes are in a write-ahead log; use the API");
            return Err(Fault::new(Reason::WriteAheadLog, detail));
        }
        if is_hot(&suffixed(path, "-journal")) {
            let detail = format!("{shown}: being written, or left half-written ({shown}-journal is there)");
            return Ok(Err(Fault::new(Reason::Busy, detail)));
        }
        let modified = (meta.mtime(), meta.mtime_nsec());
        Ok(Ok(Self { header, inode: meta.ino(), size: meta.size(), modified }))
    }
}

/// The size of the file of the same name with something behind it.
fn beside(path: &Path, suffix: &str) -> Option<u64> {
    std::fs::metadata(suffixed(path, suffix)).ok().map(|meta| meta.len())
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether a journal holds what a writer may have to put back: SQLite's own test, the first byte. It is written before the
/// first page of the database is (https://sqlite.org/fileformat2.html#the_rollback_journal).
fn is_hot(journal: &Path) -> bool {
    // To open a pipe would wait for a writer.
    if !std::fs::metadata(journal).is_ok_and(|meta| meta.is_file() && meta.len() > 0) {
        return false;
    }
    let mut first = [0];
    // One that cannot be read may hold anything.
    File::open(journal).and_then(|mut file| file.read_exact(&mut first)).is_err() || first != [0]
}

fn query(path: &Path, deadline: Instant) -> Result<Inventory, Fault> {
    let told = |error: rusqlite::Error| fault(path, &error);
    // A URI, so that immutable can be said: all that has a meaning in one is escaped.
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte))
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(uri, flags).map_err(told)?;
    connection.progress_handler(STEPS, Some(move || Instant::now() >= deadline)).map_err(told)?;
    // Foreign bytes: a schema may hold no function calls, and a damaged page is an error instead of a guess.
    connection
        .execute_batch("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON;")
        .map_err(told)?;
    let mut inventory = Inventory::default();
    for (kind, table, names, port, tcp) in TABLES {
        let sql = format!(
            "SELECT id, {names}, {port}, {tcp}, enabled, certificate_id, meta, is_deleted FROM {table} WHERE is_deleted IS NOT 1 \
             ORDER BY id"
        );
        let mut statement = connection.prepare(&sql).map_err(told)?;
        let mut rows = statement.query([]).map_err(told)?;
        while let Some(row) = rows.next().map_err(told)? {
            match host(row, kind) {
                Ok((host, meta)) => {
                    inventory.odd.extend(meta.is_none().then(|| Odd {
                        kind: Some(kind),
                        id: Some(host.id),
                        cause: "meta is not of a known form".to_owned(),
                    }));
                    inventory.hosts.push(host);
                }
                Err(error) => inventory.odd.push(odd(Some(kind), row, &error)),
            }
            few(&inventory, path)?;
        }
    }
    let sql = "SELECT id, provider, nice_name, domain_names, expires_on, is_deleted FROM certificate WHERE is_deleted IS NOT 1";
    let mut statement = connection.prepare(sql).map_err(told)?;
    let mut rows = statement.query([]).map_err(told)?;
    while let Some(row) = rows.next().map_err(told)? {
        match certificate(row) {
            Ok((id, certificate)) => {
                if certificate.expires_on.is_none() {
                    inventory.odd.push(Odd { kind: None, id: Some(id), cause: NO_TIME.to_owned() });
                }
                inventory.certificates.insert(id, certificate);
            }
            Err(error) => inventory.odd.push(odd(None, row, &error)),
        }
        few(&inventory, path)?;
    }
    Ok(inventory)
}

fn few(inventory: &Inventory, path: &Path) -> Result<(), Fault> {
    if inventory.hosts.len() + inventory.certificates.len() + inventory.odd.len() <= MOST {
        return Ok(());
    }
    Err(Fault::new(Reason::TooLarge, format!("{}: more than {MOST} rows", path.display())))
}

/// A row whose values are not what they should be.
fn odd(kind: Option<Kind>, row: &Row<'_>, error: &rusqlite::Error) -> Odd {
    let column = match error {
        rusqlite::Error::InvalidColumnType(index, ..)
        | rusqlite::Error::FromSqlConversionFailure(index, ..)
        | rusqlite::Error::IntegralValueOutOfRange(index, _) => row.as_ref().column_name(*index).ok(),
        _ => None,
    };
    let cause = format!("{} is not of a known form", column.unwrap_or("a value"));
    Odd { kind, id: number(row, 0).ok(), cause }
}

/// A host, and what is noted of it; `None`: that cannot be read. Then it says nothing of nginx, but the host is there.
fn host(row: &Row<'_>, kind: Kind) -> rusqlite::Result<(Host, Option<Meta>)> {
    not_deleted(row, 7)?;
    let meta = match row.get_ref(6)? {
        ValueRef::Null => Some(Meta { nginx_online: None }),
        ValueRef::Text(text) => serde_json::from_slice::<Meta>(text).ok(),
        _ => None,
    };
    let host = Host {
        kind,
        id: number(row, 0)?,
        names: list(row, 1)?,
        port: row.get(2)?,
        tcp: row.get(3)?,
        enabled: row.get(4)?,
        online: meta.as_ref().and_then(|meta| meta.nginx_online),
        certificate: match row.get_ref(5)? {
            ValueRef::Null | ValueRef::Integer(0) => None,
            _ => Some(number(row, 5)?),
        },
    };
    Ok((host, meta))
}

/// Nginx Proxy Manager takes rows with 0 here, and leaves out those with 1. Which one another value is, nobody knows.
fn not_deleted(row: &Row<'_>, index: usize) -> rusqlite::Result<()> {
    match row.get::<_, i64>(index)? {
        0 => Ok(()),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(index, other)),
    }
}

fn certificate(row: &Row<'_>) -> rusqlite::Result<(u64, Certificate)> {
    not_deleted(row, 5)?;
    let certificate = Certificate {
        provider: row.get(1)?,
        nice_name: row.get(2)?,
        domain_names: list(row, 3)?,
        expires_on: match row.get_ref(4)? {
            ValueRef::Text(text) => std::str::from_utf8(text).ok().and_then(moment),
            // As knex writes a date that is given it as one: in milliseconds.
            ValueRef::Integer(milliseconds) => Some(milliseconds.div_euclid(1000)),
            _ => None,
        },
    };
    Ok((number(row, 0)?, certificate))
}

fn number(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(index)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, number))
}

/// A list of names in JSON.
fn list(row: &Row<'_>, index: usize) -> rusqlite::Result<Vec<String>> {
    let text: String = row.get(index)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error)))
}

fn fault(path: &Path, error: &rusqlite::Error) -> Fault {
    let reason = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::SystemIoFailure) => {
            Reason::Damaged
        }
        Some(
            ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied,
        ) => Reason::PermissionDenied,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Reason::Busy,
        Some(ErrorCode::OperationInterrupted) => Reason::Timeout,
        // No such table, no such column, or a value of another type.
        _ => Reason::Schema,
    };
    Fault::new(reason, format!("{}: {error}", path.display()))
}
