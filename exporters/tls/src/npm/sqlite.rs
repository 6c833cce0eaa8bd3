//! The reader of the SQLite file. Nothing is locked, made or written: SQLite is told that the file cannot change
//! (`immutable`), so it takes it as it lies, and whether it did change is seen from outside.
//!
//! Nginx Proxy Manager's database keeps a rollback journal: a writer first makes `…-journal`, then changes pages, then, with
//! the commit, counts the change in the file's header and removes the journal. Without a journal before and after a reading,
//! and with the same header and time of change, nobody wrote in between.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};

use super::inventory::{Certificate, Host, Inventory, Kind, moment};
use super::reasons::{Fault, Reason};
use super::rows::Meta;

/// How often a reading begins anew when somebody wrote meanwhile, and the pause before that.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(40);

/// The tables of hosts, each with what stands for the port and for whether it passes TCP on.
const TABLES: [(Kind, &str, &str, &str, &str); 4] = [
    (Kind::Proxy, "proxy_host", "domain_names", "NULL", "1"),
    (Kind::Redirection, "redirection_host", "domain_names", "NULL", "1"),
    (Kind::Dead, "dead_host", "domain_names", "NULL", "1"),
    (Kind::Stream, "stream", "'[]'", "incoming_port", "tcp_forwarding"),
];

/// Reads the inventory. Waits for a disk: not for a thread of the runtime.
pub(super) fn read(path: &Path) -> Result<Inventory, Fault> {
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
        let ended = query(path);
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
        if beside(path, "-journal").is_some_and(|size| size > 0) {
            let detail = format!("{shown}: being written, or left half-written ({shown}-journal is there)");
            return Ok(Err(Fault::new(Reason::Busy, detail)));
        }
        let modified = (meta.mtime(), meta.mtime_nsec());
        Ok(Ok(Self { header, inode: meta.ino(), size: meta.size(), modified }))
    }
}

/// The size of the file of the same name with something behind it.
fn beside(path: &Path, suffix: &str) -> Option<u64> {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    std::fs::metadata(PathBuf::from(name)).ok().map(|meta| meta.len())
}

fn query(path: &Path) -> Result<Inventory, Fault> {
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
    let connection = Connection::open_with_flags(uri, flags).map_err(told)?;
    // Foreign bytes: a schema may hold no function calls, and a damaged page is an error instead of a guess.
    connection
        .execute_batch("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON;")
        .map_err(told)?;
    let mut inventory = Inventory::default();
    for (kind, table, names, port, tcp) in TABLES {
        let sql = format!(
            "SELECT id, {names}, {port}, {tcp}, enabled, certificate_id, meta FROM {table} WHERE is_deleted = 0 ORDER BY id"
        );
        let mut statement = connection.prepare(&sql).map_err(told)?;
        let rows = statement.query_map([], |row| host(row, kind)).map_err(told)?;
        for row in rows {
            inventory.hosts.push(row.map_err(told)?);
        }
    }
    // No meta: there the private keys of uploaded certificates are.
    let sql =
        "SELECT id, provider, nice_name, domain_names, expires_on FROM certificate WHERE is_deleted = 0";
    let mut statement = connection.prepare(sql).map_err(told)?;
    let rows = statement.query_map([], certificate).map_err(told)?;
    for row in rows {
        let (id, certificate) = row.map_err(told)?;
        inventory.certificates.insert(id, certificate);
    }
    Ok(inventory)
}

fn host(row: &Row<'_>, kind: Kind) -> rusqlite::Result<Host> {
    // What is no JSON says nothing of nginx, but the host is there.
    let meta = row.get::<_, Option<String>>(6)?.and_then(|text| serde_json::from_str::<Meta>(&text).ok());
    Ok(Host {
        kind,
        id: number(row, 0)?,
        names: list(row, 1)?,
        port: row.get(2)?,
        tcp: row.get(3)?,
        enabled: row.get(4)?,
        online: meta.and_then(|meta| meta.nginx_online),
        certificate: row
            .get::<_, Option<i64>>(5)?
            .and_then(|id| u64::try_from(id).ok())
            .filter(|id| *id != 0),
    })
}

fn certificate(row: &Row<'_>) -> rusqlite::Result<(u64, Certificate)> {
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
        // No such table, no such column, or a value of another type.
        _ => Reason::Schema,
    };
    Fault::new(reason, format!("{}: {error}", path.display()))
}
