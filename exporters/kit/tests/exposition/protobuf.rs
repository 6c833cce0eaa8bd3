//! A reader of delimited `io.prometheus.client.MetricFamily`, written from metrics.proto and apart from the encoder. It
//! panics at whatever it does not know.

#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) kind: u64,
    pub(crate) unit: String,
    pub(crate) metrics: Vec<Metric>,
}

#[derive(Debug, Default)]
pub(crate) struct Metric {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) number: Option<f64>,
    pub(crate) histogram: Option<Histogram>,
}

#[derive(Debug, Default)]
pub(crate) struct Histogram {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) buckets: Vec<(f64, u64)>,
    pub(crate) schema: i64,
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: u64,
    pub(crate) spans: Vec<(i64, u64)>,
    pub(crate) deltas: Vec<i64>,
    pub(crate) created: f64,
}

impl Histogram {
    /// The native buckets that are not empty: index and count.
    pub(crate) fn native(&self) -> Vec<(i64, u64)> {
        let (mut index, mut count, mut deltas) = (0, 0, self.deltas.iter());
        let mut buckets = Vec::new();
        for (offset, length) in &self.spans {
            index += offset;
            for _ in 0..*length {
                count += deltas.next().unwrap();
                if count != 0 {
                    buckets.push((index, u64::try_from(count).unwrap()));
                }
                index += 1;
            }
        }
        assert!(deltas.next().is_none());
        buckets
    }
}

enum Value<'a> {
    Varint(u64),
    Double(f64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    fn varint(self) -> u64 {
        let Value::Varint(value) = self else { panic!("not a varint") };
        value
    }

    fn signed(self) -> i64 {
        unzigzag(self.varint())
    }

    fn double(self) -> f64 {
        let Value::Double(value) = self else { panic!("not a double") };
        value
    }

    fn bytes(self) -> &'a [u8] {
        let Value::Bytes(value) = self else { panic!("not bytes") };
        value
    }

    fn text(self) -> String {
        String::from_utf8(self.bytes().to_vec()).unwrap()
    }
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn varint(input: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = input[0];
        *input = &input[1..];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            assert!(byte != 0 || shift == 0, "a varint longer than need be");
            return value;
        }
        shift += 7;
    }
}

fn take<'a>(input: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(length);
    *input = rest;
    taken
}

fn fields<'a>(mut input: &'a [u8]) -> impl Iterator<Item = (u64, Value<'a>)> {
    std::iter::from_fn(move || {
        if input.is_empty() {
            return None;
        }
        let tag = varint(&mut input);
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut input)),
            1 => Value::Double(f64::from_le_bytes(take(&mut input, 8).try_into().unwrap())),
            2 => {
                let length = varint(&mut input);
                Value::Bytes(take(&mut input, usize::try_from(length).unwrap()))
            }
            wire => panic!("wire type {wire}"),
        };
        Some((tag >> 3, value))
    })
}

pub(crate) fn read(mut input: &[u8]) -> Vec<Family> {
    let mut families = Vec::new();
    while !input.is_empty() {
        let length = usize::try_from(varint(&mut input)).unwrap();
        families.push(family(take(&mut input, length)));
    }
    families
}

fn family(input: &[u8]) -> Family {
    let mut family = Family::default();
    for (field, value) in fields(input) {
        match field {
            1 => family.name = value.text(),
            2 => family.help = value.text(),
            3 => family.kind = value.varint(),
            4 => family.metrics.push(metric(value.bytes(), family.kind)),
            5 => family.unit = value.text(),
            _ => panic!("field {field} of MetricFamily"),
        }
    }
    family
}

fn metric(input: &[u8], kind: u64) -> Metric {
    let mut metric = Metric::default();
    for (field, value) in fields(input) {
        match (field, kind) {
            (1, _) => {
                let mut pair = (String::new(), String::new());
                for (field, value) in fields(value.bytes()) {
                    match field {
                        1 => pair.0 = value.text(),
                        2 => pair.1 = value.text(),
                        _ => panic!("field {field} of LabelPair"),
                    }
                }
                metric.labels.push(pair);
            }
            // Gauge, counter, untyped: the field must be the one of the family's type.
            (2, 1) | (3, 0) | (5, 3) => {
                let (field, value) = fields(value.bytes()).next().unwrap();
                assert_eq!(field, 1);
                metric.number = Some(value.double());
            }
            (7, 4) => metric.histogram = Some(histogram(value.bytes())),
            _ => panic!("field {field} of a Metric of type {kind}"),
        }
    }
    metric
}

fn histogram(input: &[u8]) -> Histogram {
    let mut histogram = Histogram::default();
    for (field, value) in fields(input) {
        match field {
            1 => histogram.count = value.varint(),
            2 => histogram.sum = value.double(),
            3 => {
                let mut bucket = (0.0, 0);
                for (field, value) in fields(value.bytes()) {
                    match field {
                        1 => bucket.1 = value.varint(),
                        2 => bucket.0 = value.double(),
                        _ => panic!("field {field} of Bucket"),
                    }
                }
                histogram.buckets.push(bucket);
            }
            5 => histogram.schema = value.signed(),
            6 => histogram.zero_threshold = value.double(),
            7 => histogram.zero_count = value.varint(),
            12 => {
                let mut span = (0, 0);
                for (field, value) in fields(value.bytes()) {
                    match field {
                        1 => span.0 = value.signed(),
                        2 => span.1 = value.varint(),
                        _ => panic!("field {field} of BucketSpan"),
                    }
                }
                histogram.spans.push(span);
            }
            13 => {
                let mut packed = value.bytes();
                while !packed.is_empty() {
                    histogram.deltas.push(unzigzag(varint(&mut packed)));
                }
            }
            15 => {
                for (field, value) in fields(value.bytes()) {
                    histogram.created +=
                        value.varint() as f64 * [1.0, 1e-9][usize::try_from(field).unwrap() - 1];
                }
            }
            _ => panic!("field {field} of Histogram"),
        }
    }
    histogram
}
