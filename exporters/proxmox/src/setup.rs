//! What `--setup` prints: the commands to paste on a node, and the way back.

/// The text.
pub const TEXT: &str = "\
# Paste this as root on one node of the cluster (Proxmox VE 7, 8 or 9). It makes a user without a password, who can read
# and nothing else, and prints the token's secret (\"value\") once. Both lines with PVEAuditor are needed: a token has the
# rights that it and its user both have.
pveum user add farol@pve --comment \"farol, read-only monitoring\" 2>/dev/null || true
pveum acl modify / --users farol@pve --roles PVEAuditor
pveum user token add farol@pve farol --privsep 1 --output-format json
pveum acl modify / --tokens 'farol@pve!farol' --roles PVEAuditor

# And this prints the certificate's fingerprint, for tls.fingerprint (a custom certificate is /etc/pve/local/pveproxy-ssl.pem):
openssl x509 -noout -fingerprint -sha256 -in /etc/pve/local/pve-ssl.pem

# proxmox.yml, with the secret in a file that only the exporter may read:
#   clusters:
#     - name: home
#       endpoints: [https://192.0.2.10:8006]
#       token_id: farol@pve!farol
#       token_file: /etc/farol/pve_token
#       tls: {fingerprint: \"AB:CD:…\"}

# The way back, which takes the user, the token and its rights away:
#   pveum user delete farol@pve
";
