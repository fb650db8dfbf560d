//! Names of the types that have one width, between Rust and Python.

use crate::refused;
use arrow_schema::{DataType, TimeUnit};
use pyo3::PyResult;

/// `int64`, `timestamp[us]`, `timestamp[us, UTC]`, `decimal128(10, 2)`; none for another type.
pub(crate) fn name(data_type: &DataType) -> Option<String> {
    Some(match data_type {
        DataType::Int8 => "int8".to_owned(),
        DataType::Int16 => "int16".to_owned(),
        DataType::Int32 => "int32".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::UInt8 => "uint8".to_owned(),
        DataType::UInt16 => "uint16".to_owned(),
        DataType::UInt32 => "uint32".to_owned(),
        DataType::UInt64 => "uint64".to_owned(),
        DataType::Float16 => "float16".to_owned(),
        DataType::Float32 => "float32".to_owned(),
        DataType::Float64 => "float64".to_owned(),
        DataType::Date32 => "date32".to_owned(),
        DataType::Date64 => "date64".to_owned(),
        DataType::Time32(unit) => format!("time32[{}]", unit_name(*unit)),
        DataType::Time64(unit) => format!("time64[{}]", unit_name(*unit)),
        DataType::Duration(unit) => format!("duration[{}]", unit_name(*unit)),
        DataType::Timestamp(unit, None) => format!("timestamp[{}]", unit_name(*unit)),
        DataType::Timestamp(unit, Some(zone)) => {
            format!("timestamp[{}, {zone}]", unit_name(*unit))
        }
        DataType::Decimal32(precision, scale) => format!("decimal32({precision}, {scale})"),
        DataType::Decimal64(precision, scale) => format!("decimal64({precision}, {scale})"),
        DataType::Decimal128(precision, scale) => format!("decimal128({precision}, {scale})"),
        DataType::Decimal256(precision, scale) => format!("decimal256({precision}, {scale})"),
        _ => return None,
    })
}

/// The type of a name that [`name`] makes.
pub(crate) fn parse(name: &str) -> PyResult<DataType> {
    let unknown = || refused(format!("{name} is no type of a column"));
    let Some(start) = name.find(['[', '(']) else {
        return plain(name).ok_or_else(unknown);
    };
    let (kind, arguments) = name.split_at(start);
    let arguments = &arguments[1..arguments.len() - 1];
    let (first, second) = match arguments.split_once(", ") {
        Some((first, second)) => (first, Some(second)),
        None => (arguments, None),
    };
    if kind == "decimal128" {
        let precision = first.parse().map_err(refused)?;
        let scale = second.ok_or_else(unknown)?.parse().map_err(refused)?;
        return Ok(DataType::Decimal128(precision, scale));
    }
    let unit = match first {
        "s" => TimeUnit::Second,
        "ms" => TimeUnit::Millisecond,
        "us" => TimeUnit::Microsecond,
        "ns" => TimeUnit::Nanosecond,
        _ => return Err(unknown()),
    };
    Ok(match kind {
        "timestamp" => DataType::Timestamp(unit, second.map(Into::into)),
        "duration" => DataType::Duration(unit),
        "time32" => DataType::Time32(unit),
        "time64" => DataType::Time64(unit),
        _ => return Err(unknown()),
    })
}

fn plain(name: &str) -> Option<DataType> {
    Some(match name {
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "float16" => DataType::Float16,
        "float32" => DataType::Float32,
        "float64" => DataType::Float64,
        "date32" => DataType::Date32,
        _ => return None,
    })
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}
