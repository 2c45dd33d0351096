import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { TestAuthority } from "../../tests/support/authority.ts";
import { findCertificateLogin, parseCertificateNames } from "./certificate-names.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-names-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const authority = new TestAuthority(folder, "authority");
const made = (names: readonly string[], subject?: string) =>
  new X509Certificate(authority.issue(names, subject === undefined ? {} : { subject }).cert);
const loginOf = (text: string, certificate: X509Certificate) =>
  findCertificateLogin(parseCertificateNames(text), certificate).login;

test("a certificate stands for the user of the first line that fits one of its names", () => {
  const alice = made(
    ["email:Alice@Example.com", "URI:spiffe://example.com/ns/ci", "DNS:Build-7.example.com"],
    "/CN=al",
  );
  expect(loginOf("# people\n\nemail:alice@example.com => alice\n", alice)).toBe("alice");
  expect(loginOf("uri:spiffe://example.com/ns/ci=>robot_team_ci", alice)).toBe("robot_team_ci");
  expect(loginOf("dns:*.example.com => *", alice)).toBe("build-7");
  expect(loginOf("cn:al => alice", alice)).toBe("alice");
  expect(loginOf("cn:bob => bob\nemail:*@example.com => *\ncn:al => other", alice)).toBe("alice");
  expect(loginOf("dns:build-*.example.com => builders", alice)).toBe("builders");
  expect(loginOf("email:*@example.org => *\nuri:spiffe://example.com/ns/CI => x\ncn:AL => x", alice)).toBeUndefined();
  expect(loginOf("", alice)).toBeUndefined();
  expect(findCertificateLogin([], alice).subject).toContain("email:alice@example.com");
});

test("no name can be read as another, and a star stands for one plain name only", () => {
  const forged = made(["URI:http://a, email:admin@example.com"]);
  const doubled = made(["email:alice@example.com", "email:bob@example.com"], "/CN=alice/CN=admin");
  const deep = made([
    "email:x/admin@example.com",
    "email:a@b@example.com",
    "email:@example.com",
    "DNS:a.b.example.com",
  ]);
  expect(loginOf("email:*@example.com => *", forged)).toBeUndefined();
  expect(loginOf("email:*@example.com => *", doubled)).toBeUndefined();
  expect(loginOf("email:*@example.com => staff", doubled)).toBe("staff");
  expect(loginOf("cn:admin => admin\ncn:* => *", doubled)).toBeUndefined();
  expect(loginOf("email:*@example.com => *", deep)).toBeUndefined();
});

test.each([
  "alice",
  "email:alice@example.com",
  "mail:alice@example.com => alice",
  "email:alice@example.com => Alice",
  "email:alice@example.com => *",
  "email:*@*.com => *",
  "email:* => *",
  "uri:* => admin",
  "email: => alice",
  "email:a@b => alice bob",
])("a line that is not as it must be is named: %s", (line) => {
  expect(() => parseCertificateNames(`cn:a => a\n${line}\n`)).toThrow(/^line 2 is not as it must be: write/);
});
