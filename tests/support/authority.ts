import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A certificate of a client with its key, in PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
  /** Path of the certificate. */
  readonly path: string;
}

type Issued = { readonly [key in "subject" | "use" | "from" | "to"]?: string };

/** An authority that signs certificates of clients and revokes them, by openssl. */
export class TestAuthority {
  readonly ca: string;
  readonly #folder: string;
  readonly #name: string;
  #made = 0;

  constructor(folder: string, name: string) {
    this.#folder = join(folder, name);
    this.#name = name;
    mkdirSync(join(this.#folder, "new"), { recursive: true });
    writeFileSync(join(this.#folder, "index"), "");
    writeFileSync(join(this.#folder, "serial"), "1000\n");
    writeFileSync(join(this.#folder, "crlnumber"), "1000\n");
    const lines = [
      "[ca]\ndefault_ca=own\n[own]",
      `database=${this.#folder}/index\nserial=${this.#folder}/serial\ncrlnumber=${this.#folder}/crlnumber`,
      `new_certs_dir=${this.#folder}/new\ncertificate=${this.caPath}\nprivate_key=${this.#folder}/ca.key`,
      "default_md=sha256\ndefault_days=2\ndefault_crl_days=2\npolicy=any\ncopy_extensions=copy\nunique_subject=no",
      "[any]\ncommonName=optional\norganizationName=optional\n",
    ];
    writeFileSync(join(this.#folder, "ca.cnf"), lines.join("\n"));
    const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3"];
    const to = ["-keyout", join(this.#folder, "ca.key"), "-out", this.caPath];
    this.#run("req", ...kind, "-subj", `/CN=${name}`, "-addext", "keyUsage=critical,keyCertSign,cRLSign", ...to);
    this.ca = readFileSync(this.caPath, "utf8");
  }

  get caPath(): string {
    return join(this.#folder, "ca.crt");
  }

  /**
   * @param names such as `email:alice@example.com` and `URI:spiffe://example.com/ci`
   * @param more `subject`, such as `/CN=alice`; `use` of the key; `from` and `to` as openssl writes times
   */
  issue(
    names: readonly string[],
    { subject = "/O=Test", use = "clientAuth", from = "", to = "" }: Issued = {},
  ): ClientCertificate {
    const path = (end: string) => join(this.#folder, `${this.#made}.${end}`);
    this.#made++;
    const listed = names.map((name, index) => name.replace(":", `.${index}=`));
    const extensions = [
      `extendedKeyUsage=${use}`,
      ...(names.length === 0 ? [] : ["subjectAltName=@names", "[names]", ...listed]),
    ];
    const request = ["[req]", "distinguished_name=empty", "req_extensions=own", "[empty]", "[own]", ...extensions, ""];
    writeFileSync(path("cnf"), request.join("\n"));
    const kind = ["-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", subject];
    this.#run("req", "-config", path("cnf"), ...kind, "-keyout", path("key"), "-out", path("csr"));
    const times = [...(from === "" ? [] : ["-startdate", from]), ...(to === "" ? [] : ["-enddate", to])];
    const signed = ["-config", join(this.#folder, "ca.cnf"), "-batch", "-notext", ...times];
    this.#run("ca", ...signed, "-in", path("csr"), "-out", path("crt"));
    return { cert: readFileSync(path("crt"), "utf8"), key: readFileSync(path("key"), "utf8"), path: path("crt") };
  }

  revoke({ path }: ClientCertificate): void {
    this.#run("ca", "-config", join(this.#folder, "ca.cnf"), "-revoke", path);
  }

  /** The list of what is revoked now, in PEM. */
  crl(): string {
    const path = join(this.#folder, `${this.#name}.crl`);
    this.#run("ca", "-config", join(this.#folder, "ca.cnf"), "-gencrl", "-out", path);
    return readFileSync(path, "utf8");
  }

  #run(...args: string[]): void {
    execFileSync("openssl", args, { stdio: "pipe" });
  }
}
