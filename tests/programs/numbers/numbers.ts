// A program that knows nothing of Weft, in AssemblyScript: see ../README.md for what it does.
// Its library has neither JSON nor files: numbers are picked out of the text, and a file is opened
// through WASI itself.
import { errno, fd_write, fd_close, path_open, oflags, rights } from "@assemblyscript/wasi-shim/assembly/bindings/wasi_snapshot_preview1";

const TRIPLE = 3;
const QUIET = 3;
const UNUSABLE = 65;
const CHUNK = 65536;
// Folders that were given stand at 3, 4, ...; the one called "/out" has to be looked for.
const FIRST_FOLDER: u32 = 3;
const LAST_FOLDER: u32 = 8;

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_prestat_get")
declare function fd_prestat_get(fd: u32, into: usize): u16;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_prestat_dir_name")
declare function fd_prestat_dir_name(fd: u32, name: usize, length: usize): u16;

// Every whole number of standard input, which is one JSON object.
function readNumbers(): i64[] {
  const numbers: i64[] = [];
  const chunk = new ArrayBuffer(CHUNK);
  let number: i64 = 0;
  let within = false;
  let negative = false;
  for (let read = process.stdin.read(chunk); read > 0; read = process.stdin.read(chunk)) {
    const bytes = Uint8Array.wrap(chunk, 0, read);
    for (let i = 0; i < read; i++) {
      const c = bytes[i];
      if (c >= 48 && c <= 57) {
        number = number * 10 + (c - 48);
        within = true;
        continue;
      }
      if (within) numbers.push(negative ? -number : number);
      negative = c == 45;
      within = false;
      number = 0;
    }
  }
  return numbers;
}

function part(numbers: i64[]): i32 {
  let sum: i64 = 0;
  let most = numbers[0];
  for (let i = 0; i < numbers.length; i++) {
    sum += numbers[i];
    most = max(most, numbers[i]);
  }
  process.stdout.write("[" + numbers.length.toString() + "," + sum.toString() + "," + most.toString() + "]\n");
  return 0;
}

function whole(numbers: i64[], threshold: i64): i32 {
  let count: i64 = 0;
  let sum: i64 = 0;
  let most = numbers[2];
  for (let i = 0; i + TRIPLE <= numbers.length; i += TRIPLE) {
    count += numbers[i];
    sum += numbers[i + 1];
    most = max(most, numbers[i + 2]);
  }
  const parts = (numbers.length / TRIPLE).toString();
  process.stderr.write(parts + " parts\n");
  if (most < threshold) return QUIET;
  if (!write("page.txt", count.toString() + " in " + parts + " parts, at most " + most.toString() + "\n")) {
    process.stderr.write("/out/page.txt can't be written\n");
    return 1;
  }
  process.stdout.write('{"count":' + count.toString() + ',"sum":' + sum.toString() + ',"most":' + most.toString() + "}\n");
  return 0;
}

// Writes a file into /out.
function write(name: string, text: string): bool {
  const folder = out();
  if (folder == 0) return false;
  const path = String.UTF8.encode(name);
  const contents = String.UTF8.encode(text);
  const cell = new ArrayBuffer(16);
  const place = changetype<usize>(cell);
  const opened = path_open(
    folder, 0, changetype<usize>(path), path.byteLength, <u16>(oflags.CREAT | oflags.TRUNC),
    rights.FD_WRITE, 0, 0, changetype<u32>(place),
  );
  if (opened != errno.SUCCESS) return false;
  const file = load<u32>(place);
  store<u32>(place, <u32>changetype<usize>(contents));
  store<u32>(place, contents.byteLength, 4);
  const written = fd_write(file, place, 1, place + 8);
  return fd_close(file) == errno.SUCCESS && written == errno.SUCCESS && load<u32>(place, 8) == contents.byteLength;
}

function out(): u32 {
  const cell = new ArrayBuffer(8);
  const place = changetype<usize>(cell);
  for (let folder = FIRST_FOLDER; folder <= LAST_FOLDER; folder++) {
    if (fd_prestat_get(folder, place) != 0) continue;
    const name = new ArrayBuffer(load<u32>(place, 4));
    if (fd_prestat_dir_name(folder, changetype<usize>(name), name.byteLength) != 0) continue;
    if (String.UTF8.decode(name) == "/out") return folder;
  }
  return 0;
}

function main(): i32 {
  const args = process.argv.slice(1);
  const numbers = readNumbers();
  if (args.length == 1 && args[0] == "part" && numbers.length > 0) return part(numbers);
  if (args.length == 2 && args[0] == "whole" && numbers.length >= TRIPLE) return whole(numbers, I64.parseInt(args[1]));
  process.stderr.write("usage: part | whole THRESHOLD, with numbers on standard input\n");
  return UNUSABLE;
}

process.exit(main());
