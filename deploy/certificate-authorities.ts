import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { rootCertificates } from "node:tls";

/** Where distributions keep the authorities that their programs trust. */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Alpine, Arch
  "/etc/pki/tls/certs/ca-bundle.crt", // Fedora, RHEL
  "/etc/ssl/ca-bundle.pem", // openSUSE
  "/etc/ssl/cert.pem", // macOS, BSD
];

/** Path of a bundle to verify providers against; on a machine without one, Node's own list is written to `dataDir`. */
export async function certificateAuthorities(dataDir: string): Promise<string> {
  for (const bundle of [process.env.SSL_CERT_FILE, ...BUNDLES]) {
    if (
      bundle &&
      (await access(bundle).then(
        () => true,
        () => false,
      ))
    )
      return bundle;
  }
  const bundle = join(dataDir, "certificate-authorities.pem");
  await writeFile(bundle, rootCertificates.join("\n"));
  return bundle;
}
