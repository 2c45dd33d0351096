/** A block of addresses; IPv4 ones are within `::ffff:0:0/96`, so that all are numbers of 128 bits. */
export interface AddressBlock {
  readonly address: bigint;
  /** Bits from the left that count, 0 to 128. */
  readonly length: number;
}

const mapped = 0xffffn << 32n;
const bits = 128;

/** `203.0.113.0/24`, `2001:db8::/32`, or one address; undefined for anything else, and where bits beyond the length are set. */
export function findBlock(text: string): AddressBlock | undefined {
  const [, host = "", digits] = /^([^/]*)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
  const address = findAddress(host);
  if (address === undefined) return undefined;
  const four = !host.includes(":");
  const length = digits === undefined ? bits : Number(digits) + (four ? 96 : 0);
  if (length > bits || (digits?.startsWith("0") === true && digits !== "0")) return undefined;
  const rest = (1n << BigInt(bits - length)) - 1n;
  return (address & rest) === 0n ? { address, length } : undefined;
}

/** Whether an address, IPv4 or IPv6, is in the block. What is no address is in none. */
export function isInBlock({ address, length }: AddressBlock, text: string): boolean {
  const found = findAddress(text.replace(/%.*$/, ""));
  return found !== undefined && (found ^ address) >> BigInt(bits - length) === 0n;
}

function findAddress(text: string): bigint | undefined {
  return text.includes(":") ? findSix(text) : findFour(text);
}

function findFour(text: string): bigint | undefined {
  const octets = text.split(".");
  if (octets.length !== 4 || !octets.every((octet) => /^(?:0|[1-9][0-9]{0,2})$/.test(octet) && Number(octet) < 256)) {
    return undefined;
  }
  return octets.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n) | mapped;
}

function findSix(text: string): bigint | undefined {
  // The last 32 bits may be written as an IPv4 address.
  const [, head = "", tail] = /^(.*:)([0-9.]+\.[0-9.]+)$/.exec(text) ?? [];
  const four = tail === undefined ? undefined : findFour(tail);
  if (tail !== undefined && four === undefined) return undefined;
  const low = (four ?? 0n) & 0xffff_ffffn;
  const written = tail === undefined ? text : `${head}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`;
  const halves = written.split("::");
  if (halves.length > 2) return undefined;
  const [left, right] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - left!.length - (right?.length ?? 0);
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left!, ...Array.from({ length: missing }, () => "0"), ...(right ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}
