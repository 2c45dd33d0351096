import { setting } from "./kinds.ts";

const { choice, group, text } = setting;

/** HTTPS, and certificates by which clients log in. */
export const tlsSettings = group(
  {
    certificate: text({ about: "Path of the certificate chain in PEM." }).optional(),
    key: text({ about: "Path of the private key in PEM." }).optional(),
    clientCa: text({
      about:
        "Path of the certificates, in PEM, of authorities whose certificates clients may log in with. Clients are asked for one when it is set.",
    }).optional(),
    clientNames: text({
      about:
        "Path of the file that says whom certificates stand for: lines such as `email:alice@example.com => alice`.",
    }).optional(),
    clientCrl: text({ about: "Path of lists of revoked certificates in PEM, one of each authority." }).optional(),
    clientMode: choice(["request", "require"], "request", {
      about:
        "`request`: who shows no certificate logs in otherwise. `require`: who shows none that is good gets no answer.",
    }),
  },
  { about: "HTTPS, when certificate and key are set. The files are read again when they change." },
);
