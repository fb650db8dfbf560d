//! A program that knows nothing of Weft, in Zig: see ../README.md for what it does.

const std = @import("std");
const Io = std.Io;

const quiet = 3;
const unusable = 65;
const at_most = 1 << 20;

/// Inputs of both tasks; each has one of them.
const Inputs = struct {
    numbers: []const i64 = &.{},
    parts: []const [3]i64 = &.{},
};

fn part(numbers: []const i64, out: *Io.Writer) !u8 {
    var sum: i64 = 0;
    for (numbers) |number| sum += number;
    try out.print("[{d},{d},{d}]\n", .{ numbers.len, sum, std.mem.max(i64, numbers) });
    return 0;
}

fn whole(io: Io, preopens: std.process.Preopens, parts: []const [3]i64, threshold: i64, out: *Io.Writer) !u8 {
    var count: i64 = 0;
    var sum: i64 = 0;
    var most = parts[0][2];
    for (parts) |each| {
        count += each[0];
        sum += each[1];
        most = @max(most, each[2]);
    }
    std.debug.print("{d} parts\n", .{parts.len});
    if (most < threshold) return quiet;
    // Zig's library doesn't look for the folder that holds an absolute path.
    const folder = (preopens.get("/out") orelse return error.NoFolder).dir;
    var file = try folder.createFile(io, "page.txt", .{});
    defer file.close(io);
    var buffer: [128]u8 = undefined;
    var page = file.writer(io, &buffer);
    try page.interface.print("{d} in {d} parts, at most {d}\n", .{ count, parts.len, most });
    try page.interface.flush();
    try out.print("{{\"count\":{d},\"sum\":{d},\"most\":{d}}}\n", .{ count, sum, most });
    return 0;
}

pub fn main(init: std.process.Init) !u8 {
    const arena = init.arena.allocator();
    const io = init.io;
    var read_buffer: [4096]u8 = undefined;
    var stdin = Io.File.stdin().reader(io, &read_buffer);
    const text = try stdin.interface.allocRemaining(arena, .limited(at_most));
    const inputs = try std.json.parseFromSliceLeaky(Inputs, arena, text, .{});

    var write_buffer: [128]u8 = undefined;
    var stdout = Io.File.stdout().writer(io, &write_buffer);
    const out = &stdout.interface;
    defer out.flush() catch {};

    const args = try init.minimal.args.toSlice(arena);
    if (args.len == 2 and std.mem.eql(u8, args[1], "part") and inputs.numbers.len > 0)
        return part(inputs.numbers, out);
    if (args.len == 3 and std.mem.eql(u8, args[1], "whole") and inputs.parts.len > 0)
        return whole(io, init.preopens, inputs.parts, try std.fmt.parseInt(i64, args[2], 10), out);
    std.debug.print("usage: part | whole THRESHOLD, with numbers on standard input\n", .{});
    return unusable;
}
