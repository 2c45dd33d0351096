import { openSync, readSync, rmSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import type { Socket } from "node:net";

/*
 * A disk with a volatile cache, served by the NBD protocol on a unix socket. Writes go to `current`; a flush copies what
 * was written since the last one to `durable`. At a power cut each 512-byte sector that was not flushed is kept or lost
 * by chance, so that writes are torn and out of order; both files are equal afterwards.
 *
 *   node nbd-server.ts <socket> <current> <durable> <size>
 *
 * The parent sends { cutAfter: n, seed }: the power goes at the n-th write from now. The answer is { cut: sectors at
 * risk, lost: sectors lost }. Nothing is answered to the kernel any more; the process ends with its parent's signal.
 */

const [socketPath, currentPath, durablePath, sizeText] = process.argv.slice(2) as [string, string, string, string];
const size = BigInt(sizeText);
const current = openSync(currentPath, "r+");
const durable = openSync(durablePath, "r+");
const sector = 512;

let unflushed: { readonly offset: number; readonly length: number }[] = [];
let countdown = Number.POSITIVE_INFINITY;
let seed = 1;
let dead = false;

process.on("message", (message: { readonly cutAfter: number; readonly seed: number }) => {
  countdown = message.cutAfter;
  seed = message.seed;
  if (countdown === 0) cutPower();
});

function copy(from: number, to: number, offset: number, length: number): void {
  const bytes = Buffer.allocUnsafe(length);
  readSync(from, bytes, 0, length, offset);
  writeSync(to, bytes, 0, length, offset);
}

function flush(): void {
  for (const { offset, length } of unflushed) copy(current, durable, offset, length);
  unflushed = [];
}

/** mulberry32: the same seed loses the same sectors. */
function chance(): number {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
}

function cutPower(): void {
  if (dead) return;
  dead = true;
  const sectors = new Set<number>();
  for (const { offset, length } of unflushed) {
    for (let at = offset; at < offset + length; at += sector) sectors.add(at);
  }
  let lost = 0;
  for (const at of sectors) {
    if (chance() < 0.5) copy(current, durable, at, sector);
    else {
      copy(durable, current, at, sector);
      lost++;
    }
  }
  process.send!({ cut: sectors.size, lost });
}

const oldStyle = Buffer.from("NBDMAGICIHAVEOPT");
const optionReply = Buffer.from("0003e889045565a9", "hex");

function replyToOption(socket: Socket, option: number, type: number, content: Buffer): void {
  const head = Buffer.alloc(12);
  head.writeUInt32BE(option, 0);
  head.writeUInt32BE(type, 4);
  head.writeUInt32BE(content.length, 8);
  socket.write(Buffer.concat([optionReply, head, content]));
}

/** Answers an option of the handshake. @returns whether requests follow */
function handleOption(socket: Socket, option: number): boolean {
  const [go, info, unsupported] = [7, 6, 0x80000001];
  if (option !== go && option !== info) {
    replyToOption(socket, option, unsupported, Buffer.alloc(0));
    return false;
  }
  const description = Buffer.alloc(12);
  description.writeBigUInt64BE(size, 2);
  // Has flags, takes flushes, takes FUA.
  description.writeUInt16BE(1 | 4 | 8, 10);
  replyToOption(socket, option, 3, description);
  replyToOption(socket, option, 1, Buffer.alloc(0));
  return option === go;
}

function handleRequest(socket: Socket, request: Buffer, content: Buffer): void {
  const [flags, type] = [request.readUInt16BE(4), request.readUInt16BE(6)];
  const [offset, length] = [Number(request.readBigUInt64BE(16)), request.readUInt32BE(24)];
  const [read, write, disconnect] = [0, 1, 2];
  if (type === disconnect) return void socket.end();
  let answer = Buffer.alloc(0);
  if (type === read) {
    answer = Buffer.allocUnsafe(length);
    readSync(current, answer, 0, length, offset);
  } else if (type === write) {
    writeSync(current, content, 0, length, offset);
    unflushed.push({ offset, length });
    if (--countdown <= 0) return cutPower();
    if ((flags & 1) !== 0) copy(current, durable, offset, length);
  } else flush();
  const head = Buffer.alloc(8);
  head.writeUInt32BE(0x67446698, 0);
  socket.write(Buffer.concat([head, request.subarray(8, 16), answer]));
}

const server = createServer((socket) => {
  socket.on("error", () => undefined);
  let waiting = Buffer.alloc(0);
  let step: "flags" | "options" | "requests" = "flags";
  socket.write(Buffer.concat([oldStyle, Buffer.from([0, 3])]));
  socket.on("data", (chunk) => {
    waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
    while (!dead) {
      if (step === "flags") {
        if (waiting.length < 4) return;
        waiting = waiting.subarray(4);
        step = "options";
      } else if (step === "options") {
        if (waiting.length < 16 || waiting.length < 16 + waiting.readUInt32BE(12)) return;
        const option = waiting.readUInt32BE(8);
        waiting = waiting.subarray(16 + waiting.readUInt32BE(12));
        if (handleOption(socket, option)) step = "requests";
      } else {
        if (waiting.length < 28) return;
        const length = waiting.readUInt16BE(6) === 1 ? waiting.readUInt32BE(24) : 0;
        if (waiting.length < 28 + length) return;
        handleRequest(socket, waiting.subarray(0, 28), waiting.subarray(28, 28 + length));
        waiting = waiting.subarray(28 + length);
      }
    }
  });
});
rmSync(socketPath, { force: true });
server.listen(socketPath, () => process.send!("ready"));
