//! From a file to columns.

use crate::{fixed, refused};
use arrow_array::{
    Array, ArrayRef, RecordBatch,
    cast::AsArray as _,
    types::{
        ArrowDictionaryKeyType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
        UInt32Type, UInt64Type,
    },
};
use arrow_buffer::ArrowNativeType as _;
use arrow_schema::{DataType, Schema};
use bytes::Bytes;
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict, PyList, PyString, PyTuple},
};

/// A column of Python's: a tuple.
type Column<'py> = PyResult<Bound<'py, PyTuple>>;

/// The names of the columns, the number of rows, and what the file says about itself.
#[pyfunction]
pub(crate) fn schema<'py>(
    py: Python<'py>,
    data: &[u8],
) -> PyResult<(Vec<String>, i64, Bound<'py, PyDict>)> {
    let file = Bytes::copy_from_slice(data);
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(refused)?;
    let metadata = PyDict::new(py);
    for (key, value) in builder.schema().metadata() {
        metadata.set_item(key, value)?;
    }
    let file = builder.metadata().file_metadata();
    for pair in file.key_value_metadata().into_iter().flatten() {
        if let Some(value) = &pair.value {
            metadata.set_item(&pair.key, value)?;
        }
    }
    let names = builder.schema().fields().iter().map(|field| field.name());
    Ok((names.cloned().collect(), file.num_rows(), metadata))
}

/// The columns of these positions, as pairs of names and tuples.
#[pyfunction]
pub(crate) fn read<'py>(
    py: Python<'py>,
    data: &[u8],
    positions: Vec<usize>,
) -> PyResult<Bound<'py, PyList>> {
    let file = Bytes::copy_from_slice(data);
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(refused)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), positions);
    let rows = usize::try_from(builder.metadata().file_metadata().num_rows()).map_err(refused)?;
    let reader = builder
        .with_projection(mask)
        .with_batch_size(rows.max(1))
        .build()
        .map_err(refused)?;
    let schema = arrow_array::RecordBatchReader::schema(&reader);
    let batches = reader
        .collect::<Result<Vec<RecordBatch>, _>>()
        .map_err(refused)?;
    let columns = PyList::empty(py);
    for (index, field) in schema.fields().iter().enumerate() {
        let parts: Vec<&dyn Array> = batches
            .iter()
            .map(|batch| batch.column(index).as_ref())
            .collect();
        let array = match parts.as_slice() {
            [] => arrow_array::new_empty_array(field.data_type()),
            _ => arrow_select::concat::concat(&parts).map_err(refused)?,
        };
        columns.append((field.name(), column(py, &array, is_ordered(&schema, index))?))?;
    }
    Ok(columns)
}

fn is_ordered(schema: &Schema, index: usize) -> bool {
    schema.field(index).dict_is_ordered().unwrap_or_default()
}

fn column<'py>(py: Python<'py>, array: &ArrayRef, ordered: bool) -> Column<'py> {
    let length = array.len();
    let valid = validity(py, array.as_ref());
    match array.data_type() {
        DataType::Null => ("null", length).into_pyobject(py),
        DataType::Boolean => {
            let values: Vec<u8> = array.as_boolean().values().iter().map(u8::from).collect();
            ("bool", valid, PyBytes::new(py, &values)).into_pyobject(py)
        }
        DataType::Utf8 => strings(py, array.as_string::<i32>().iter()),
        DataType::LargeUtf8 => strings(py, array.as_string::<i64>().iter()),
        DataType::Utf8View => strings(py, array.as_string_view().iter()),
        DataType::Binary => binaries(py, array.as_binary::<i32>().iter()),
        DataType::LargeBinary => binaries(py, array.as_binary::<i64>().iter()),
        DataType::BinaryView => binaries(py, array.as_binary_view().iter()),
        DataType::FixedSizeBinary(_) => binaries(py, array.as_fixed_size_binary().iter()),
        DataType::Dictionary(key, _) => match key.as_ref() {
            DataType::Int8 => dictionary::<Int8Type>(py, array, ordered),
            DataType::Int16 => dictionary::<Int16Type>(py, array, ordered),
            DataType::Int32 => dictionary::<Int32Type>(py, array, ordered),
            DataType::Int64 => dictionary::<Int64Type>(py, array, ordered),
            DataType::UInt8 => dictionary::<UInt8Type>(py, array, ordered),
            DataType::UInt16 => dictionary::<UInt16Type>(py, array, ordered),
            DataType::UInt32 => dictionary::<UInt32Type>(py, array, ordered),
            DataType::UInt64 => dictionary::<UInt64Type>(py, array, ordered),
            other => Err(refused(format!("a dictionary by {other} can't be read"))),
        },
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let offsets = list.offsets().iter().map(|offset| i64::from(*offset));
            let offsets = offset_bytes(py, offsets)?;
            let values = column(py, list.values(), false)?;
            ("list", valid, offsets, values).into_pyobject(py)
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let offsets = offset_bytes(py, list.offsets().iter().copied())?;
            let values = column(py, list.values(), false)?;
            ("list", valid, offsets, values).into_pyobject(py)
        }
        DataType::FixedSizeList(_, size) => {
            let list = array.as_fixed_size_list();
            let starts = (0..=length).map(|row| row as i64 * i64::from(*size));
            let offsets = offset_bytes(py, starts)?;
            let values = column(py, list.values(), false)?;
            ("list", valid, offsets, values).into_pyobject(py)
        }
        DataType::Map(_, _) => {
            let map = array.as_map();
            let offsets = map.offsets().iter().map(|offset| i64::from(*offset));
            let offsets = offset_bytes(py, offsets)?;
            let keys = column(py, map.keys(), false)?;
            let values = column(py, map.values(), false)?;
            ("map", valid, offsets, keys, values).into_pyobject(py)
        }
        DataType::Struct(fields) => {
            let parts = array.as_struct();
            let names: Vec<&String> = fields.iter().map(|field| field.name()).collect();
            let columns = parts
                .columns()
                .iter()
                .map(|part| column(py, part, false))
                .collect::<PyResult<Vec<_>>>()?;
            ("struct", length, valid, names, columns).into_pyobject(py)
        }
        other => {
            let Some(name) = fixed::name(other) else {
                return Err(refused(format!("columns of the type {other} can't be read")));
            };
            let width = other.primitive_width().expect("the type has a width");
            let data = array.to_data();
            let start = data.offset() * width;
            let bytes = &data.buffers()[0].as_slice()[start..start + length * width];
            ("fixed", name, valid, PyBytes::new(py, bytes)).into_pyobject(py)
        }
    }
}

fn validity<'py>(py: Python<'py>, array: &dyn Array) -> Option<Bound<'py, PyBytes>> {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0)?;
    let bytes: Vec<u8> = nulls.iter().map(u8::from).collect();
    Some(PyBytes::new(py, &bytes))
}

fn strings<'py, 'a>(
    py: Python<'py>,
    values: impl Iterator<Item = Option<&'a str>>,
) -> Column<'py> {
    let list = PyList::empty(py);
    for value in values {
        list.append(value.map(|text| PyString::new(py, text)))?;
    }
    ("string", list).into_pyobject(py)
}

fn binaries<'py, 'a>(
    py: Python<'py>,
    values: impl Iterator<Item = Option<&'a [u8]>>,
) -> Column<'py> {
    let list = PyList::empty(py);
    for value in values {
        list.append(value.map(|bytes| PyBytes::new(py, bytes)))?;
    }
    ("binary", list).into_pyobject(py)
}

fn dictionary<'py, K: ArrowDictionaryKeyType>(
    py: Python<'py>,
    array: &ArrayRef,
    ordered: bool,
) -> Column<'py> {
    let array = array.as_dictionary::<K>();
    let mut codes = Vec::with_capacity(array.len() * size_of::<i32>());
    for key in array.keys() {
        let code = key.map_or(Ok(-1), |key| i32::try_from(key.as_usize()));
        codes.extend(code.map_err(refused)?.to_le_bytes());
    }
    let values = column(py, array.values(), false)?;
    ("dictionary", PyBytes::new(py, &codes), values, ordered).into_pyobject(py)
}

fn offset_bytes<'py>(
    py: Python<'py>,
    offsets: impl Iterator<Item = i64>,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut bytes = Vec::new();
    for offset in offsets {
        bytes.extend(i32::try_from(offset).map_err(refused)?.to_le_bytes());
    }
    Ok(PyBytes::new(py, &bytes))
}
