import type { X509Certificate } from "node:crypto";

/*
 * The file that says whom certificates of clients stand for, a line each, the first that fits counts:
 *
 *   email:alice@example.com     => alice               a name of the certificate, and a user or robot
 *   uri:spiffe://example.com/ci => robot_team_ci
 *   email:*@example.com         => *                   one star in the name; a star is whatever it stood for
 *   # …                                                left out, as are empty lines
 *
 *   email, uri, dns   of its subjectAltName (RFC 5280, 4.2.1.6)
 *   cn                the only CN of its subject
 */

const fields = ["email", "uri", "dns", "cn"] as const;
type Field = (typeof fields)[number];

/** Whom certificates stand for. */
export type CertificateNames = readonly {
  readonly field: Field;
  /** Before and after the star; the whole name where there is none. */
  readonly parts: readonly [string] | readonly [string, string];
  /** Undefined for what the star stood for. */
  readonly login: string | undefined;
}[];

/** A client certificate that was shown. */
export interface ShownCertificate {
  /** User or robot that it stands for; undefined where it is nobody. */
  readonly login: string | undefined;
  /** The name of it that decided; all of them where none did. */
  readonly subject: string;
  /** Why it is no good; undefined for one that is. */
  readonly problem: string | undefined;
  /** It ends then; milliseconds since 1970. */
  readonly until: number;
}

const loginPattern = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/;
const linePattern = /^(email|uri|dns|cn):(\S(?:.*\S)?)\s*=>\s*(\S+)$/;

/** @throws Error that names the line, and says what is wrong with it */
export function parseCertificateNames(text: string): CertificateNames {
  const names: CertificateNames[number][] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const [, field, name = "", login = ""] = linePattern.exec(line) ?? [];
    const parts = name.trim().split("*");
    const star = login === "*";
    const whole = field !== undefined && (star || isLogin(login)) && parts.length <= 2 && (!star || parts.length === 2);
    // A star alone would let in whoever has a certificate, under any name.
    if (!whole || (field !== "cn" && name.trim() === "*")) {
      throw new Error(
        `line ${index + 1} is not as it must be: write \`email:alice@example.com => alice\`, with email, uri, dns or cn before, and a user or robot after the arrow; one * in the name may stand for the user`,
      );
    }
    const kept = parts.map((part) => normal(field as Field, part)) as [string] | [string, string];
    names.push({ field: field as Field, parts: kept, login: star ? undefined : login });
  }
  return names;
}

/**
 * Whom a certificate stands for, which a trusted authority has signed.
 * @returns `login` undefined where no line fits, or one fits several of its names
 */
export function findCertificateLogin(
  names: CertificateNames,
  certificate: X509Certificate,
): Pick<ShownCertificate, "login" | "subject"> {
  const own = listNames(certificate);
  for (const line of names) {
    const found = own.flatMap(({ field, value }) => {
      const login = field === line.field ? loginBy(line, value) : undefined;
      return login === undefined ? [] : [{ login, subject: `${field}:${value}` }];
    });
    if (found.length === 0) continue;
    if (new Set(found.map(({ login }) => login)).size === 1) return found[0]!;
    break;
  }
  return { login: undefined, subject: own.map(({ field, value }) => `${field}:${value}`).join(" ") };
}

function loginBy({ parts, login }: CertificateNames[number], value: string): string | undefined {
  const [before, after] = parts;
  if (after === undefined) return value === before ? login : undefined;
  if (value.length <= before.length + after.length) return undefined;
  if (!value.startsWith(before) || !value.endsWith(after)) return undefined;
  const middle = value.slice(before.length, value.length - after.length);
  return isLogin(middle) ? (login ?? middle) : undefined;
}

function isLogin(text: string): boolean {
  return text.length <= 255 && (loginPattern.test(text) || /^robot_[a-z0-9._-]+$/.test(text));
}

const alternatives: Readonly<Record<string, Field>> = { email: "email", URI: "uri", DNS: "dns" };
/** Node writes a name in quotes, as JSON, that could be taken for several. */
const namePattern = /([A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/gy;

/** Names that can be read in one way only. */
function listNames(certificate: X509Certificate): { readonly field: Field; readonly value: string }[] {
  const found: { readonly field: Field; readonly value: string }[] = [];
  const text = certificate.subjectAltName ?? "";
  let end = 0;
  for (const match of text.matchAll(namePattern)) {
    end = match.index + match[0].length;
    const [, kind = "", value = ""] = match;
    const field = Object.hasOwn(alternatives, kind) ? alternatives[kind] : undefined;
    if (field !== undefined && !value.startsWith('"')) found.push({ field, value: normal(field, value) });
  }
  if (end !== text.length) found.length = 0;
  const { CN: common } = certificate.toLegacyObject().subject as { readonly CN?: unknown };
  if (typeof common === "string") found.push({ field: "cn", value: common });
  return found.filter(({ value }) => /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value));
}

/** Mail addresses and host names are the same in any case. */
function normal(field: Field, value: string): string {
  return field === "email" || field === "dns" ? value.toLowerCase() : value;
}
