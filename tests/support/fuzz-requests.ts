import { digestOf, types } from "./wire-client.ts";

/** Numbers that come again with the same seed. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 … n - 1 (mulberry32) */
  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** True once in n. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

const methods = [
  "GET",
  "GET",
  "GET",
  "HEAD",
  "PUT",
  "PUT",
  "POST",
  "POST",
  "PATCH",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
];
const goodNames = ["a", "team/app", "x/y/z", "n".repeat(255)];
const badNames = ["A", "..", "a..b", "a%2fb", "a//b", "a/../b", "%00", "n".repeat(300), "_", ""];
const numbers = ["0", "1", "-1", "100", "1e9", "9".repeat(30), "NaN", "", "0x10", "1.5", " 1"];
const mediaTypes = [
  types.manifest,
  types.index,
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
  "text/plain; charset=utf-8",
  "nonsense",
  "",
];
const ranges = [
  "0-9",
  "5-9",
  "9-5",
  "0-",
  "-5",
  "bytes=0-0",
  "bytes=5-",
  "bytes=-1",
  "bytes=0-1,3-4",
  "bytes=9-2",
  "x",
  "0-99999999999999999999",
];
const tokens = [
  "\r\n",
  "\n",
  "\0",
  " ",
  ":",
  "/",
  "%",
  "%00",
  "..",
  "\r\n\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: -1\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: gzip, chunked\r\n",
  "Expect: 100-continue\r\n",
  "Connection: upgrade\r\nUpgrade: h2c\r\n",
  "Host: b\r\n",
  "HTTP/1.0",
  "HTTP/2.0",
  "0\r\n\r\n",
  "ffffffffffffffff\r\n",
  "{",
  '"',
  "9".repeat(40),
  "x".repeat(20_000),
];

/** A request, well framed. */
export interface FuzzRequest {
  readonly method: string;
  readonly bytes: Buffer;
}

/** Makes requests around what is there: mostly nearly right, each wrong in a few places. */
export class RequestSource {
  readonly #dice: Dice;
  readonly #digests: string[];
  readonly #manifests: readonly string[];
  /** Uploads that were opened: paths. */
  readonly #uploads: string[] = [];

  constructor(dice: Dice, known: { readonly digests: readonly string[]; readonly manifests: readonly string[] }) {
    this.#dice = dice;
    this.#digests = [
      ...known.digests,
      digestOf("absent"),
      digestOf("absent", "sha512"),
      "sha256:short",
      `md5:${"a".repeat(32)}`,
      `sha256:${"A".repeat(64)}`,
      "sha256:",
      ":",
    ];
    this.#manifests = known.manifests;
  }

  /** Keeps an upload's path to go on with. */
  learn(location: string): void {
    if (this.#uploads.length < 64) this.#uploads.push(location);
    else this.#uploads[this.#dice.below(64)] = location;
  }

  next(): FuzzRequest {
    const dice = this.#dice;
    const method = dice.pick(methods);
    const bare = method === "GET" || method === "HEAD" || method === "DELETE";
    const body = bare && !dice.once(20) ? Buffer.alloc(0) : this.#body();
    const target = dice.once(3) ? this.#fittingTarget(method, body) : this.#target();
    const lines = [`${method} ${target} HTTP/1.1`, "Host: fuzz", ...this.#headers()];
    const chunked = body.length > 0 && dice.once(4);
    if (chunked) lines.push("Transfer-Encoding: chunked");
    else if (body.length > 0 || !bare) lines.push(`Content-Length: ${body.length}`);
    const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
    return { method, bytes: Buffer.concat([head, chunked ? this.#chunk(body) : body]) };
  }

  /** The same with bytes of it changed, wherever: framing, too. */
  nextBroken(): Buffer {
    const dice = this.#dice;
    let bytes = this.next().bytes;
    for (let count = 1 + dice.below(4); count > 0; count--) {
      const at = dice.below(bytes.length + 1);
      const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
      switch (dice.below(6)) {
        case 0:
          bytes = Buffer.concat([before, Buffer.from([dice.below(256)]), after.subarray(1)]);
          break;
        case 1:
          bytes = Buffer.concat([before, Buffer.from(dice.pick(tokens), "latin1"), after]);
          break;
        case 2:
          bytes = Buffer.concat([before, after.subarray(dice.below(20))]);
          break;
        case 3:
          bytes = Buffer.concat([before, after.subarray(0, dice.below(60)), after]);
          break;
        case 4:
          bytes = before.length === 0 ? bytes : before;
          break;
        default:
          bytes = Buffer.concat([before, dice.bytes(1 + dice.below(8)), after]);
      }
    }
    return bytes;
  }

  /** Where such a request would go if nothing were wrong with it. */
  #fittingTarget(method: string, body: Buffer): string {
    const dice = this.#dice;
    const name = dice.pick(goodNames);
    const digest = digestOf(body, dice.once(4) ? "sha512" : "sha256");
    const upload = this.#uploads.length > 0 ? dice.pick(this.#uploads) : `/v2/${name}/blobs/uploads/`;
    switch (method) {
      case "POST":
        return `/v2/${name}/blobs/uploads/${dice.pick(["", `?digest=${digest}`, `?mount=${dice.pick(this.#digests)}`])}`;
      case "PATCH":
        return upload;
      case "PUT":
        return dice.once(2) ? `${upload}?digest=${digest}` : `/v2/${name}/manifests/${dice.pick(["v1", "v2", digest])}`;
      default:
        return `/v2/${name}/${dice.pick(["manifests/v1", `blobs/${dice.pick(this.#digests)}`, "tags/list", `manifests/${dice.pick(this.#digests)}`])}`;
    }
  }

  #target(): string {
    const dice = this.#dice;
    if (this.#uploads.length > 0 && dice.once(4)) return dice.pick(this.#uploads) + this.#query();
    const name = dice.once(4) ? dice.pick(badNames) : dice.pick(goodNames);
    const reference = dice.once(2)
      ? dice.pick(this.#digests)
      : dice.pick(["latest", "v1", ".bad", "t".repeat(130), "%zz", ""]);
    const rest = dice.pick([
      `manifests/${reference}`,
      `manifests/${reference}`,
      `blobs/${dice.pick(this.#digests)}`,
      "blobs/uploads/",
      "blobs/uploads/",
      `blobs/uploads/${dice.pick(["", "x", "%2e%2e", "1-s2-a-b"])}`,
      "tags/list",
      `referrers/${dice.pick(this.#digests)}`,
      "unknown/thing",
    ]);
    const base = dice.once(30)
      ? dice.pick(["/v2", "/v2/_catalog", "/", "*", "//", "/v2/%5fcatalog", "http://a/v2/"])
      : `/v2/${name}/${rest}`;
    return base + this.#query();
  }

  #query(): string {
    const dice = this.#dice;
    if (!dice.once(2)) return "";
    const pairs = Array.from({ length: 1 + dice.below(3) }, () =>
      dice.pick([
        `digest=${dice.pick(this.#digests)}`,
        `mount=${dice.pick(this.#digests)}`,
        `from=${dice.pick([...goodNames, ...badNames])}`,
        `n=${dice.pick(numbers).trim()}`,
        `last=${dice.pick(["a", "", "%ff", "%", "z".repeat(500)])}`,
        `artifactType=${dice.pick(mediaTypes).replaceAll(" ", "")}`,
        `tag=${dice.pick(["a", "b", "", ".", "%00"])}`,
        `digest-algorithm=${dice.pick(["sha256", "sha512", "md5", ""])}`,
        "ns=docker.io",
        "&&==",
      ]),
    );
    return `?${pairs.join("&")}`;
  }

  #headers(): string[] {
    const dice = this.#dice;
    return Array.from({ length: dice.below(4) }, () =>
      dice.pick([
        `Range: ${dice.pick(ranges)}`,
        `Content-Range: ${dice.pick(ranges)}`,
        `Content-Type: ${dice.pick(mediaTypes)}`,
        `If-None-Match: "${dice.pick(this.#digests)}"`,
        `If-Range: "${dice.pick(this.#digests)}"`,
        "If-None-Match: *",
        "Accept: */*",
        `User-Agent: ${"\xe9".repeat(dice.below(300))}`,
        "Authorization: Basic !!!",
        "X-Forwarded-For: 1.2.3.4, ::1, nonsense",
        'Forwarded: for="[::1]:5;proto=;;=,',
        "X-Request-Id: a b",
        `X-Long: ${"y".repeat(dice.below(9000))}`,
        "__proto__: 1",
        "constructor: 1",
      ]),
    );
  }

  #body(): Buffer {
    const dice = this.#dice;
    switch (dice.below(5)) {
      case 0:
        return Buffer.alloc(0);
      case 1:
        return dice.bytes(dice.below(200));
      case 2:
        return Buffer.alloc(dice.pick([1, 10, 5_000, 20_000, 70_000]), "z");
      default: {
        const text = Buffer.from(dice.pick(this.#manifests));
        for (let count = dice.below(3); count > 0; count--) text[dice.below(text.length)] = dice.below(256);
        return text;
      }
    }
  }

  #chunk(body: Buffer): Buffer {
    const parts: Buffer[] = [];
    for (let at = 0; at < body.length;) {
      const size = 1 + this.#dice.below(body.length - at);
      parts.push(Buffer.from(`${size.toString(16)}\r\n`), body.subarray(at, at + size), Buffer.from("\r\n"));
      at += size;
    }
    return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
  }
}
