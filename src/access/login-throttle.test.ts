import { expect, test } from "vitest";
import { LoginThrottle } from "./login-throttle.ts";

/** A throttle with a clock that the test moves. */
function throttled(free: number) {
  let now = 1_000_000;
  const throttle = new LoginThrottle(free, () => now);
  /** Seconds that it must wait; 0 where it may try. */
  const wrong = (name: string, address: string): number => {
    try {
      throttle.begin(name, address);
      return 0;
    } catch (error) {
      return (error as { detail: { retryAfter: number } }).detail.retryAfter;
    }
  };
  return { throttle, wrong, pass: (seconds: number) => void (now += seconds * 1000) };
}

test("the wait begins after a few wrong passwords and doubles; what it says is true (threat 28)", () => {
  const { wrong, pass } = throttled(3);
  for (const wait of [0, 0, 0]) expect(wrong("alice", "192.0.2.1")).toBe(wait);
  for (const wait of [1, 2, 4, 8, 16]) {
    expect(wrong("alice", "192.0.2.1")).toBe(wait);
    pass(wait - 0.001);
    expect(wrong("alice", "192.0.2.1")).toBe(1);
    pass(0.001);
    expect(wrong("alice", "192.0.2.1")).toBe(0);
  }
});

test("the wait ends at a quarter of an hour, and all is forgotten after an hour", () => {
  const { wrong, pass } = throttled(1);
  for (let number = 0; number < 30; number++) {
    const wait = wrong("alice", "192.0.2.1");
    expect(wait).toBeLessThanOrEqual(900);
    pass(wait);
  }
  pass(3600);
  expect(wrong("alice", "192.0.2.1")).toBe(0);
  expect(wrong("alice", "192.0.2.1")).toBe(1);
});

test("nobody is locked out by what others do elsewhere, and a right password clears the way", () => {
  const { throttle, wrong, pass } = throttled(3);
  for (let number = 0; number < 100; number++) wrong("alice", "192.0.2.1");
  const attempt = throttle.begin("alice", "198.51.100.7");
  throttle.succeed(attempt);
  expect(wrong("alice", "192.0.2.1")).toBeGreaterThan(0);
  pass(900);
  throttle.succeed(throttle.begin("alice", "192.0.2.1"));
  for (const wait of [0, 0, 0, 1]) expect(wrong("alice", "192.0.2.1")).toBe(wait);
});

test("a user under attack from many addresses: each has one try", () => {
  const { wrong } = throttled(3);
  for (let host = 0; host < 30; host++) expect(wrong("alice", `192.0.2.${host}`)).toBe(0);
  expect(wrong("alice", "198.51.100.7")).toBe(0);
  expect(wrong("alice", "198.51.100.7")).toBe(1);
});

test("many users from one address are slowed down, an IPv6 client within its network", () => {
  const { wrong } = throttled(1);
  for (let user = 0; user < 20; user++) expect(wrong(`user-${user}`, `2001:db8::${user}`)).toBe(0);
  expect(wrong("another", "2001:db8::ffff")).toBe(1);
  expect(wrong("another", "2001:db8:0:1::1")).toBe(0);
});

test("many at once are no way around the wait, and what could not be looked at does not count", () => {
  const { throttle, wrong } = throttled(2);
  const attempts = [throttle.begin("alice", "192.0.2.1"), throttle.begin("alice", "192.0.2.1")];
  expect(wrong("alice", "192.0.2.1")).toBe(1);
  for (const attempt of attempts) throttle.withdraw(attempt);
  for (const wait of [0, 0, 1]) expect(wrong("alice", "192.0.2.1")).toBe(wait);
});

test("0 makes nobody wait", () => {
  const { wrong } = throttled(0);
  for (let number = 0; number < 1000; number++) expect(wrong("alice", "192.0.2.1")).toBe(0);
});
