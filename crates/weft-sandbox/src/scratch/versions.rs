//! WASI 0.2's words for files, in WASI 0.3's, and the other way round.

use wasmtime_wasi::{
    p2::{FsError, bindings::filesystem::types as v2},
    p3::{
        bindings::filesystem::types::{
            DescriptorFlags, DescriptorType, ErrorCode, OpenFlags, PathFlags,
        },
        filesystem::FilesystemError,
    },
};

pub(super) fn error(error: FsError) -> FilesystemError {
    match error.downcast() {
        Ok(code) => self::code(code).into(),
        Err(trap) => FilesystemError::trap(trap),
    }
}

pub(super) fn code(code: v2::ErrorCode) -> ErrorCode {
    use v2::ErrorCode as V2;
    match code {
        V2::Access => ErrorCode::Access,
        V2::WouldBlock => ErrorCode::Other(None),
        V2::Already => ErrorCode::Already,
        V2::BadDescriptor => ErrorCode::BadDescriptor,
        V2::Busy => ErrorCode::Busy,
        V2::Deadlock => ErrorCode::Deadlock,
        V2::Quota => ErrorCode::Quota,
        V2::Exist => ErrorCode::Exist,
        V2::FileTooLarge => ErrorCode::FileTooLarge,
        V2::IllegalByteSequence => ErrorCode::IllegalByteSequence,
        V2::InProgress => ErrorCode::InProgress,
        V2::Interrupted => ErrorCode::Interrupted,
        V2::Invalid => ErrorCode::Invalid,
        V2::Io => ErrorCode::Io,
        V2::IsDirectory => ErrorCode::IsDirectory,
        V2::Loop => ErrorCode::Loop,
        V2::TooManyLinks => ErrorCode::TooManyLinks,
        V2::MessageSize => ErrorCode::MessageSize,
        V2::NameTooLong => ErrorCode::NameTooLong,
        V2::NoDevice => ErrorCode::NoDevice,
        V2::NoEntry => ErrorCode::NoEntry,
        V2::NoLock => ErrorCode::NoLock,
        V2::InsufficientMemory => ErrorCode::InsufficientMemory,
        V2::InsufficientSpace => ErrorCode::InsufficientSpace,
        V2::NotDirectory => ErrorCode::NotDirectory,
        V2::NotEmpty => ErrorCode::NotEmpty,
        V2::NotRecoverable => ErrorCode::NotRecoverable,
        V2::Unsupported => ErrorCode::Unsupported,
        V2::NoTty => ErrorCode::NoTty,
        V2::NoSuchDevice => ErrorCode::NoSuchDevice,
        V2::Overflow => ErrorCode::Overflow,
        V2::NotPermitted => ErrorCode::NotPermitted,
        V2::Pipe => ErrorCode::Pipe,
        V2::ReadOnly => ErrorCode::ReadOnly,
        V2::InvalidSeek => ErrorCode::InvalidSeek,
        V2::TextFileBusy => ErrorCode::TextFileBusy,
        V2::CrossDevice => ErrorCode::CrossDevice,
    }
}

pub(super) fn descriptor_type(kind: v2::DescriptorType) -> DescriptorType {
    use v2::DescriptorType as V2;
    match kind {
        V2::Unknown => DescriptorType::Other(None),
        V2::BlockDevice => DescriptorType::BlockDevice,
        V2::CharacterDevice => DescriptorType::CharacterDevice,
        V2::Directory => DescriptorType::Directory,
        V2::Fifo => DescriptorType::Fifo,
        V2::SymbolicLink => DescriptorType::SymbolicLink,
        V2::RegularFile => DescriptorType::RegularFile,
        V2::Socket => DescriptorType::Socket,
    }
}

pub(super) fn path_flags(flags: PathFlags) -> v2::PathFlags {
    if flags.contains(PathFlags::SYMLINK_FOLLOW) {
        v2::PathFlags::SYMLINK_FOLLOW
    } else {
        v2::PathFlags::empty()
    }
}

pub(super) fn open_flags(flags: OpenFlags) -> v2::OpenFlags {
    let mut all = v2::OpenFlags::empty();
    for (v3, v2) in [
        (OpenFlags::CREATE, v2::OpenFlags::CREATE),
        (OpenFlags::DIRECTORY, v2::OpenFlags::DIRECTORY),
        (OpenFlags::EXCLUSIVE, v2::OpenFlags::EXCLUSIVE),
        (OpenFlags::TRUNCATE, v2::OpenFlags::TRUNCATE),
    ] {
        if flags.contains(v3) {
            all |= v2;
        }
    }
    all
}

pub(super) fn descriptor_flags(flags: DescriptorFlags) -> v2::DescriptorFlags {
    use DescriptorFlags as V3;
    use v2::DescriptorFlags as V2;
    let mut all = V2::empty();
    for (v3, v2) in [
        (V3::READ, V2::READ),
        (V3::WRITE, V2::WRITE),
        (V3::FILE_INTEGRITY_SYNC, V2::FILE_INTEGRITY_SYNC),
        (V3::DATA_INTEGRITY_SYNC, V2::DATA_INTEGRITY_SYNC),
        (V3::REQUESTED_WRITE_SYNC, V2::REQUESTED_WRITE_SYNC),
        (V3::MUTATE_DIRECTORY, V2::MUTATE_DIRECTORY),
    ] {
        if flags.contains(v3) {
            all |= v2;
        }
    }
    all
}
