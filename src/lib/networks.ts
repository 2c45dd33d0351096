import { BlockList, isIP } from "node:net";

/** Whether the text is an address or a network: `10.0.0.0/8`, `::1`. */
export function isNetwork(text: string): boolean {
  try {
    addNetwork(new BlockList(), text);
    return true;
  } catch {
    return false;
  }
}

/** Tells whether an address is in one of the networks; an IPv4 address in an IPv6 one counts as itself. @throws RangeError */
export function networkMatcher(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) addNetwork(list, network);
  return (address) => list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

function addNetwork(list: BlockList, text: string): void {
  const [address = "", bits, ...more] = text.split("/");
  const family = isIP(address);
  if (family === 0 || more.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) {
    throw new RangeError(`${JSON.stringify(text)} is not a network`);
  }
  list.addSubnet(address, Number(bits ?? (family === 4 ? 32 : 128)), family === 4 ? "ipv4" : "ipv6");
}
