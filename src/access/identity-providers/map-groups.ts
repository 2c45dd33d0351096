import type { IdentityGroup } from "./identity-provider.ts";

/** Groups that are taken of one person at most. */
const groupLimit = 500;

/** How a provider's groups are called here. */
export interface GroupMapping {
  /** What the provider calls it, in lower case, with our group. */
  readonly names: ReadonlyMap<string, string>;
}

/** Reads lines like `cn=dev,ou=groups,dc=example,dc=com => team-dev`. @throws RangeError */
export function parseGroupMapping(lines: readonly string[]): GroupMapping {
  const names = new Map<string, string>();
  for (const line of lines) {
    const [theirs, ours, ...more] = line.split("=>").map((part) => part.trim());
    if (!theirs || !ours || more.length > 0 || !isGroupName(ours)) {
      throw new RangeError(`${JSON.stringify(line)} is not of the form "their group => our-group"`);
    }
    names.set(theirs.toLowerCase(), ours);
  }
  return { names };
}

/**
 * Groups of ours for those of a provider. Where there is a mapping, what it does not name is left out; where there is none, a
 * group keeps its short name, if that can be one of ours.
 * @param theirs each with all its names, the short one last
 */
export function mapGroups({ names }: GroupMapping, theirs: readonly (readonly string[])[]): IdentityGroup[] {
  const found = new Map<string, IdentityGroup>();
  for (const called of theirs.slice(0, groupLimit)) {
    const ours = called.map((name) => names.get(name.toLowerCase())).find((name) => name !== undefined);
    if (ours !== undefined) found.set(ours, { name: ours, mapped: true });
    const short = called.at(-1)?.toLowerCase();
    if (names.size === 0 && short !== undefined && isGroupName(short)) found.set(short, { name: short, mapped: false });
  }
  return [...found.values()];
}

function isGroupName(name: string): boolean {
  return name.length <= 64 && /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name);
}
