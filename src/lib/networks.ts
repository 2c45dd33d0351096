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

/** Whether the text is a network, or a host name. */
export function isNetworkOrName(value: string): boolean {
  return isNetwork(value) || (/^(?=.*[a-z])[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i.test(value) && value.length <= 253);
}

/** `https://host:port` and nothing after it. @throws RangeError, TypeError */
export function parseOrigin(value: string): string {
  const url = new URL(value);
  if (!/^https?:$/.test(url.protocol) || url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username) {
    throw new RangeError("not an origin");
  }
  return url.origin;
}
