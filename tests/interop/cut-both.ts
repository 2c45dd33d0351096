import { expect } from "vitest";
import { startCuttingProxy } from "../support/cutting-proxy.ts";

/**
 * Runs a push and a pull through a proxy that resets one connection in the middle of each.
 * @param bytes a connection is reset when it has carried more than these
 * @param push pushes to the registry at the address @param pull pulls from there what was pushed, and compares it
 * @returns how many answers brought a part of what was asked for (206)
 */
export async function cutBoth(
  registry: string,
  bytes: number,
  push: (address: string) => Promise<unknown>,
  pull: (address: string) => Promise<unknown>,
): Promise<number> {
  const proxy = await startCuttingProxy(registry);
  try {
    proxy.cut("up", bytes);
    await push(proxy.address);
    expect(proxy.cuts, "the push was cut").toBe(1);
    proxy.cut("down", bytes);
    await pull(proxy.address);
    expect(proxy.cuts, "the pull was cut").toBe(2);
    return proxy.parts;
  } finally {
    await proxy.close();
  }
}
