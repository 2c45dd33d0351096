import { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { parseCertificateNames } from "../../access/index.ts";
import type { CertificateNames } from "../../access/index.ts";

/** Paths of a PEM certificate (with its chain) and its PEM key. */
export interface CertificatePaths {
  readonly certificate: string;
  readonly key: string;
  /** Clients are asked for certificates when this is there. */
  readonly clients?: ClientPaths | undefined;
}

/** What certificates of clients are judged by. */
export interface ClientPaths {
  /** Certificates of their authorities, in PEM. */
  readonly ca: string;
  /** Lists of revoked certificates, in PEM, one of each authority. */
  readonly crl?: string | undefined;
  /** Whom they stand for. */
  readonly names: string;
  /** Whoever shows none that is good is refused, whatever else they show. */
  readonly required: boolean;
}

/** PEM texts that belong together. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly clients?: ClientTrust;
}

/** What is believed of clients. */
export interface ClientTrust {
  readonly ca: string;
  readonly crl: string | undefined;
  readonly names: CertificateNames;
  /** The same as long as nothing of it changes. */
  readonly text: string;
}

/** @throws Error that names the files and says what to do */
export async function readCertificate(paths: CertificatePaths): Promise<Certificate> {
  const cert = await readText("tls.certificate", paths.certificate);
  const key = await readText("tls.key", paths.key);
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw new Error(
      `${paths.certificate} and ${paths.key} are no certificate with its key (${(cause as Error).message}): give both as PEM, the server's certificate first`,
      { cause },
    );
  }
  return paths.clients === undefined ? { cert, key } : { cert, key, clients: await readClients(paths.clients) };
}

async function readClients(paths: ClientPaths): Promise<ClientTrust> {
  const ca = await readText("tls.clientCa", paths.ca);
  const crl = paths.crl === undefined ? undefined : await readText("tls.clientCrl", paths.crl);
  const names = await readText("tls.clientNames", paths.names, "file");
  explaining(paths.ca, "certificates of authorities in PEM", () => {
    const found = ca.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (found.length === 0) throw new Error("there is none");
    for (const one of found) void new X509Certificate(one);
  });
  explaining(paths.crl ?? "", "lists of revoked certificates in PEM", () => {
    if (crl !== undefined) createSecureContext({ ca, crl });
  });
  let parsed: CertificateNames = [];
  explaining(
    paths.names,
    "names of certificates and whom they stand for",
    () => (parsed = parseCertificateNames(names)),
  );
  return { ca, crl, names: parsed, text: JSON.stringify([ca, crl, names]) };
}

function explaining(path: string, what: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    throw new Error(`${path} does not hold ${what}: ${(cause as Error).message}`, { cause });
  }
}

async function readText(setting: string, path: string, what = "PEM file"): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === "ENOENT" ? "is not there" : `cannot be read (${String(cause)})`;
    throw new Error(`${path} ${why}: name the ${what} in \`${setting}\`, readable for the account that runs Berth`, {
      cause,
    });
  }
}

/** Between two looks at the files, in milliseconds. Looking costs two calls, and finds replaced links too. */
const lookEvery = 2_000;

/**
 * Calls `change` with each new certificate; a broken or half-written one is told to `broken` once and the present one
 * stays. Resolves with what ends the watch.
 */
export async function watchCertificate(
  paths: CertificatePaths,
  change: (certificate: Certificate) => void,
  broken: (error: Error) => void,
): Promise<() => void> {
  let seen = await lookAt(paths);
  let looking = false;
  const look = async () => {
    const now = await lookAt(paths);
    if (now === seen) return;
    seen = now;
    try {
      change(await readCertificate(paths));
    } catch (error) {
      broken(error as Error);
    }
  };
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => (looking = false));
  }, lookEvery);
  timer.unref();
  return () => clearInterval(timer);
}

async function lookAt({ certificate, key, clients }: CertificatePaths): Promise<string> {
  const more = clients === undefined ? [] : [clients.ca, clients.crl, clients.names];
  const paths = [certificate, key, ...more].filter((path) => path !== undefined);
  const looks = paths.map((path) =>
    stat(path).then(
      ({ ino, size, mtimeMs }) => `${ino}:${size}:${mtimeMs}`,
      (error: NodeJS.ErrnoException) => String(error.code),
    ),
  );
  return (await Promise.all(looks)).join(" ");
}
