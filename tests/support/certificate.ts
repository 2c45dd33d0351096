import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A certificate that signs itself, with its key, in PEM, and where both lie. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  readonly files: { readonly cert: string; readonly key: string };
}

/** Makes a certificate for `name` (and for 127.0.0.1) in the folder; an expired one ended yesterday. */
export function makeCertificate(folder: string, name: string, age: "good" | "expired" = "good"): TestCertificate {
  const path = (end: string) => join(folder, `${name}-${age}.${end}`);
  const files = { cert: path("crt"), key: path("key") };
  const run = (...args: string[]) => execFileSync("openssl", args, { stdio: "ignore" });
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", `/CN=${name}`];
  const names = ["-addext", `subjectAltName=DNS:${name},IP:127.0.0.1`];
  run("req", "-new", ...kind, ...names, "-keyout", files.key, "-out", path("csr"));
  const signed = ["-copy_extensions", "copy", "-days", age === "expired" ? "-1" : "2"];
  run("x509", "-req", "-in", path("csr"), "-signkey", files.key, ...signed, "-out", files.cert);
  return { cert: readFileSync(files.cert, "utf8"), key: readFileSync(files.key, "utf8"), files };
}
