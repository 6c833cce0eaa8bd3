//! `/nodes/{node}/disks/smart`: what SMART counts in a disk. ATA disks have a list of attributes, whose numbers mean the same
//! in nearly all of them; of NVMe and SAS disks the API hands on what smartctl prints. Descriptions, and the reading of both;
//! the collector is `disks`.

use kit::{Desc, Page};
use serde::Deserialize;

use crate::api::value::{Number, Prose, Rows, Text};

const DEVICE: &[&str] = &["cluster", "node", "device"];

/// Temperature.
pub const TEMPERATURE: Desc =
    Desc::gauge("pve_node_disk_temperature_celsius", "Temperature of the disk, as SMART says.")
        .labels(DEVICE);
/// Hours.
pub const POWER_ON: Desc =
    Desc::gauge("pve_node_disk_power_on_seconds", "Time for which the disk has been powered on in its life.")
        .labels(DEVICE);
/// Reallocated.
pub const REALLOCATED: Desc = Desc::gauge(
    "pve_node_disk_reallocated_sectors",
    "Sectors (of SAS disks: defects) for which the disk took spare ones: one that grows tells of a disk that is failing.",
)
.labels(DEVICE);
/// Pending.
pub const PENDING: Desc = Desc::gauge(
    "pve_node_disk_pending_sectors",
    "Sectors that could not be read and wait to be reallocated.",
)
.labels(DEVICE);
/// Uncorrectable.
pub const UNCORRECTABLE: Desc = Desc::gauge(
    "pve_node_disk_uncorrectable_errors",
    "Errors that the disk could not correct: uncorrectable sectors of an ATA disk, media errors of an NVMe or SAS one.",
)
.labels(DEVICE);
/// Cable.
pub const CRC: Desc = Desc::gauge(
    "pve_node_disk_crc_errors",
    "Checksum errors on the way to the disk: a cable or a backplane, not the disk.",
)
.labels(DEVICE);
/// Spare.
pub const SPARE: Desc = Desc::gauge(
    "pve_node_disk_available_spare_ratio",
    "Share of its spare blocks that an NVMe disk has left.",
)
.labels(DEVICE);
/// Used.
pub const USED: Desc = Desc::gauge(
    "pve_node_disk_life_used_ratio",
    "Share of the writes that an NVMe or SAS disk is made for which were done; may exceed 1.",
)
.labels(DEVICE);
/// Written.
pub const WRITTEN: Desc =
    Desc::counter("pve_node_disk_written_bytes_total", "Bytes written to an NVMe disk in its life.")
        .labels(DEVICE);
/// Warning.
pub const WARNING: Desc = Desc::gauge(
    "pve_node_disk_critical_warning",
    "Whether an NVMe disk warns: spare blocks used up, too hot, unreliable, read-only, or its backup power failed.",
)
.labels(DEVICE);
/// Power lost.
pub const UNSAFE_SHUTDOWNS: Desc = Desc::gauge(
    "pve_node_disk_unsafe_shutdowns",
    "How often power was taken from an NVMe disk without a word.",
)
.labels(DEVICE);

/// Everything that is written here.
pub const DESCS: [&Desc; 11] = [
    &TEMPERATURE,
    &POWER_ON,
    &REALLOCATED,
    &PENDING,
    &UNCORRECTABLE,
    &CRC,
    &SPARE,
    &USED,
    &WRITTEN,
    &WARNING,
    &UNSAFE_SHUTDOWNS,
];

/// NVMe counts data in units of a thousand blocks of 512 bytes.
const DATA_UNIT: f64 = 512_000.0;

/// The answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Smart {
    attributes: Option<Rows<Attribute>>,
    text: Prose,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attribute {
    /// A number, with spaces before it.
    id: Number,
    /// `34`, `34 (Min/Max 20/45)`, `43210h+12m+33.123s`.
    raw: Text,
}

/// Writes what is known of a disk.
pub fn write(labels: [&str; 3], smart: &Smart, page: &mut Page) {
    // A disk that has two attributes for one thing tells it once.
    let mut told: Vec<&str> = Vec::new();
    let mut push = |desc: &Desc, value: Option<f64>| {
        if let Some(value) = value.filter(|value| *value >= 0.0)
            && !told.contains(&desc.name)
        {
            told.push(desc.name);
            page.family(desc).push(&labels, value);
        }
    };
    if let Some(attributes) = &smart.attributes {
        // Of the two for temperature, 190 is that of the air around it in some disks.
        for (id, desc, unit) in [
            (194.0, &TEMPERATURE, 1.0),
            (190.0, &TEMPERATURE, 1.0),
            (9.0, &POWER_ON, 3600.0),
            (5.0, &REALLOCATED, 1.0),
            (197.0, &PENDING, 1.0),
            (198.0, &UNCORRECTABLE, 1.0),
            (187.0, &UNCORRECTABLE, 1.0),
            (199.0, &CRC, 1.0),
        ] {
            let found = attributes.rows.iter().find(|row| row.id.0 == Some(id));
            push(desc, found.and_then(|row| leading(&row.raw)).map(|number| number * unit));
        }
    }
    for line in smart.text.0.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let number = leading(value);
        match name.trim() {
            "Temperature" | "Current Drive Temperature" => push(&TEMPERATURE, number),
            "Power On Hours" => push(&POWER_ON, number.map(|hours| hours * 3600.0)),
            // `Accumulated power on time, hours:minutes 43210:12`
            "Accumulated power on time, hours" => {
                let hours = value.rsplit(' ').next().and_then(leading);
                push(&POWER_ON, hours.map(|hours| hours * 3600.0));
            }
            "Elements in grown defect list" => push(&REALLOCATED, number),
            "Media and Data Integrity Errors" => push(&UNCORRECTABLE, number),
            "Available Spare" => push(&SPARE, number.map(|percent| percent / 100.0)),
            "Percentage Used" | "Percentage used endurance indicator" => {
                push(&USED, number.map(|percent| percent / 100.0));
            }
            "Data Units Written" => push(&WRITTEN, number.map(|units| units * DATA_UNIT)),
            "Critical Warning" => push(&WARNING, warns(value).map(super::flag)),
            "Unsafe Shutdowns" => push(&UNSAFE_SHUTDOWNS, number),
            _ => {}
        }
    }
}

/// `0x00`.
fn warns(text: &str) -> Option<bool> {
    u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok().map(|bits| bits != 0)
}

/// The number that a text begins with; commas stand between thousands.
fn leading(text: &str) -> Option<f64> {
    let digits: String = text
        .trim()
        .chars()
        .take_while(|digit| digit.is_ascii_digit() || *digit == ',')
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Page {
        let mut page = Page::new();
        write(["c", "a", "/dev/x"], &serde_json::from_str(json).unwrap(), &mut page);
        assert!(page.dropped().is_empty());
        page
    }

    fn get(page: &Page, desc: &Desc) -> Option<f64> {
        page.get(desc.name, &[("cluster", "c"), ("node", "a"), ("device", "/dev/x")])
    }

    #[test]
    fn attributes_of_an_ata_disk() {
        let page = read(
            r#"{"health":"PASSED","type":"ata","attributes":[
                {"id":"  5","name":"Reallocated_Sector_Ct","value":"100","worst":"100","threshold":"010","raw":"8","fail":"-","flags":"PO--CK"},
                {"id":"  9","name":"Power_On_Hours","raw":"43210h+12m+33.123s"},
                {"id":"190","name":"Airflow_Temperature_Cel","raw":"29 (Min/Max 20/45)"},
                {"id":"194","name":"Temperature_Celsius","raw":"34 (0 18 0 0 0)"},{"id":187,"raw":"1"},{"id":"198","raw":"0"},
                {"id":"199","raw":"2"},{"id":"231","raw":"98"},{"raw":"9"},null]}"#,
        );
        for (desc, want) in [
            (&REALLOCATED, Some(8.0)),
            (&POWER_ON, Some(43_210.0 * 3600.0)),
            (&TEMPERATURE, Some(34.0)),
            (&UNCORRECTABLE, Some(0.0)),
            (&CRC, Some(2.0)),
            (&PENDING, None),
        ] {
            assert_eq!(get(&page, desc), want, "{}", desc.name);
        }
    }

    #[test]
    fn texts_of_nvme_and_sas_disks() {
        let page = read(
            r#"{"type":"text","health":"PASSED","text":"SMART/Health Information (NVMe Log 0x02)\nCritical Warning:                   0x04\nTemperature:                        38 Celsius\nAvailable Spare:                    100%\nAvailable Spare Threshold:          10%\nPercentage Used:                    103%\nData Units Written:                 9,876,543 [5.05 TB]\nPower On Hours:                     12,345\nUnsafe Shutdowns:                   23\nMedia and Data Integrity Errors:    0\nTemperature Sensor 1:               60 Celsius\n"}"#,
        );
        for (desc, want) in [
            (&WARNING, Some(1.0)),
            (&TEMPERATURE, Some(38.0)),
            (&SPARE, Some(1.0)),
            (&USED, Some(1.03)),
            (&WRITTEN, Some(9_876_543.0 * 512_000.0)),
            (&POWER_ON, Some(12_345.0 * 3600.0)),
            (&UNSAFE_SHUTDOWNS, Some(23.0)),
            (&UNCORRECTABLE, Some(0.0)),
        ] {
            assert_eq!(get(&page, desc), want, "{}", desc.name);
        }
        let page = read(
            r#"{"type":"text","text":"Percentage used endurance indicator: 5%\nCurrent Drive Temperature:     34 C\nAccumulated power on time, hours:minutes 43210:12\nElements in grown defect list: 7\n"}"#,
        );
        assert_eq!(get(&page, &POWER_ON), Some(43_210.0 * 3600.0));
        assert_eq!(
            (get(&page, &TEMPERATURE), get(&page, &REALLOCATED), get(&page, &USED)),
            (Some(34.0), Some(7.0), Some(0.05))
        );
        assert!(
            read(r#"{"attributes":[]}"#).is_empty() && read(r#"{"text":null,"attributes":null}"#).is_empty()
        );
    }
}
