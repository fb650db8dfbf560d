//! From columns to a file.

use crate::{fixed, refused};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, DictionaryArray, Int32Array, ListArray, MapArray,
    NullArray, RecordBatch, RecordBatchOptions, StringArray, StructArray, make_array,
    types::Int32Type,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, GzipLevel, ZstdLevel},
    file::{metadata::KeyValue, properties::WriterProperties},
};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyTuple},
};
use std::{collections::HashMap, sync::Arc};

/// The bytes of a file with these columns, which are pairs of names and tuples.
#[pyfunction]
pub(crate) fn write<'py>(
    py: Python<'py>,
    columns: Vec<(String, Bound<'py, PyTuple>)>,
    rows: usize,
    metadata: Vec<(String, String)>,
    compression: &str,
    level: Option<u32>,
    row_group_rows: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (name, column) in &columns {
        let (array, ordered) = array(column)?;
        let field = Field::new(name, array.data_type().clone(), true);
        fields.push(field.with_dict_is_ordered(ordered));
        arrays.push(array);
    }
    // pyarrow reads it out of the schema, others out of the file's own pairs.
    let schema = Schema::new_with_metadata(fields, metadata.iter().cloned().collect::<HashMap<_, _>>());
    let schema = Arc::new(schema);
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options);
    let metadata = metadata
        .into_iter()
        .map(|(key, value)| KeyValue::new(key, value))
        .collect();
    let properties = WriterProperties::builder()
        .set_created_by(concat!("weft-parquet ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(codec(compression, level)?)
        .set_max_row_group_row_count(Some(row_group_rows))
        .set_key_value_metadata(Some(metadata))
        .build();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, schema, Some(properties)).map_err(refused)?;
    writer.write(&batch.map_err(refused)?).map_err(refused)?;
    writer.close().map_err(refused)?;
    Ok(PyBytes::new(py, &file))
}

fn codec(name: &str, level: Option<u32>) -> PyResult<Compression> {
    Ok(match name {
        "none" => Compression::UNCOMPRESSED,
        "snappy" => Compression::SNAPPY,
        "lz4" => Compression::LZ4_RAW,
        "gzip" => Compression::GZIP(match level {
            Some(level) => GzipLevel::try_new(level).map_err(refused)?,
            None => GzipLevel::default(),
        }),
        "zstd" => Compression::ZSTD(match level {
            Some(level) => {
                let level = i32::try_from(level).map_err(refused)?;
                ZstdLevel::try_new(level).map_err(refused)?
            }
            None => ZstdLevel::default(),
        }),
        _ => {
            return Err(refused(format!(
                "files can't be compressed by '{name}': take snappy, gzip, zstd, lz4 or none"
            )));
        }
    })
}

/// The array of a tuple, and whether its dictionary is ordered.
fn array(column: &Bound<'_, PyTuple>) -> PyResult<(ArrayRef, bool)> {
    let kind: String = column.get_item(0)?.extract()?;
    let array: ArrayRef = match kind.as_str() {
        "null" => Arc::new(NullArray::new(column.get_item(1)?.extract()?)),
        "bool" => {
            let values = BooleanBuffer::from_iter(bytes(column, 2)?.iter().map(|byte| *byte != 0));
            Arc::new(BooleanArray::new(values, validity(column, 1)?))
        }
        "fixed" => {
            let name: String = column.get_item(1)?.extract()?;
            let data_type = fixed::parse(&name)?;
            let width = data_type.primitive_width().expect("the type has a width");
            let values = bytes(column, 3)?;
            let data = ArrayData::builder(data_type)
                .len(values.len() / width)
                .nulls(validity(column, 2)?)
                .add_buffer(Buffer::from(values.as_slice()))
                .build()
                .map_err(refused)?;
            make_array(data)
        }
        "string" => {
            let values: Vec<Option<String>> = column.get_item(1)?.extract()?;
            fits(values.iter().flatten().map(String::len).sum())?;
            Arc::new(StringArray::from(values))
        }
        "binary" => {
            let values: Vec<Option<Vec<u8>>> = column.get_item(1)?.extract()?;
            fits(values.iter().flatten().map(Vec::len).sum())?;
            Arc::new(BinaryArray::from_iter(values))
        }
        "dictionary" => return dictionary(column),
        "list" => {
            let (values, _) = array_at(column, 3)?;
            let field = Field::new("element", values.data_type().clone(), true);
            let list = ListArray::try_new(
                Arc::new(field),
                offsets(column, 2)?,
                values,
                validity(column, 1)?,
            );
            Arc::new(list.map_err(refused)?)
        }
        "map" => {
            let (keys, _) = array_at(column, 3)?;
            let (values, _) = array_at(column, 4)?;
            let fields = Fields::from(vec![
                Field::new("key", keys.data_type().clone(), false),
                Field::new("value", values.data_type().clone(), true),
            ]);
            let entries = StructArray::try_new(fields.clone(), vec![keys, values], None);
            let field = Field::new("key_value", DataType::Struct(fields), false);
            let map = MapArray::try_new(
                Arc::new(field),
                offsets(column, 2)?,
                entries.map_err(refused)?,
                validity(column, 1)?,
                false,
            );
            Arc::new(map.map_err(refused)?)
        }
        "struct" => {
            let length: usize = column.get_item(1)?.extract()?;
            let names: Vec<String> = column.get_item(3)?.extract()?;
            let parts: Vec<Bound<'_, PyTuple>> = column.get_item(4)?.extract()?;
            let parts = parts
                .iter()
                .map(|part| array(part).map(|(array, _)| array))
                .collect::<PyResult<Vec<_>>>()?;
            let fields: Vec<Field> = names
                .iter()
                .zip(&parts)
                .map(|(name, part)| Field::new(name, part.data_type().clone(), true))
                .collect();
            let whole = StructArray::try_new_with_length(
                fields.into(),
                parts,
                validity(column, 2)?,
                length,
            );
            Arc::new(whole.map_err(refused)?)
        }
        other => return Err(refused(format!("{other} is no kind of column"))),
    };
    Ok((array, false))
}

fn dictionary(column: &Bound<'_, PyTuple>) -> PyResult<(ArrayRef, bool)> {
    let codes = bytes(column, 1)?;
    let codes = codes
        .chunks_exact(size_of::<i32>())
        .map(|code| i32::from_le_bytes(code.try_into().expect("four bytes")))
        .map(|code| (code >= 0).then_some(code));
    let (values, _) = array_at(column, 2)?;
    let array = DictionaryArray::<Int32Type>::try_new(Int32Array::from_iter(codes), values);
    Ok((
        Arc::new(array.map_err(refused)?),
        column.get_item(3)?.extract()?,
    ))
}

fn array_at(column: &Bound<'_, PyTuple>, index: usize) -> PyResult<(ArrayRef, bool)> {
    array(&column.get_item(index)?.extract::<Bound<'_, PyTuple>>()?)
}

fn bytes(column: &Bound<'_, PyTuple>, index: usize) -> PyResult<Vec<u8>> {
    let item = column.get_item(index)?;
    Ok(item.extract::<&[u8]>()?.to_vec())
}

fn validity(column: &Bound<'_, PyTuple>, index: usize) -> PyResult<Option<NullBuffer>> {
    if column.get_item(index)?.is_none() {
        return Ok(None);
    }
    let valid = bytes(column, index)?.into_iter().map(|byte| byte != 0);
    Ok(Some(NullBuffer::from_iter(valid)))
}

fn offsets(column: &Bound<'_, PyTuple>, index: usize) -> PyResult<OffsetBuffer<i32>> {
    let offsets: Vec<i32> = bytes(column, index)?
        .chunks_exact(size_of::<i32>())
        .map(|offset| i32::from_le_bytes(offset.try_into().expect("four bytes")))
        .collect();
    Ok(OffsetBuffer::new(ScalarBuffer::from(offsets)))
}

/// A column's text is addressed by 32 bits.
fn fits(bytes: usize) -> PyResult<()> {
    match i32::try_from(bytes) {
        Ok(_) => Ok(()),
        Err(_) => Err(refused("a column has more than 2 GiB of text")),
    }
}
