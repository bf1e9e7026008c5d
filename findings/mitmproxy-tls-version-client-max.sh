#!/bin/sh
# mitmproxy 12.2.3 with pyOpenSSL 26.2.0 ends at its start when `tls_version_client_max` is set, to any value, its
# default included.
#
# To warn of versions that OpenSSL does not have, mitmproxy asks `mitmproxy.net.tls.is_supported_version` about each,
# SSL 3 among them. That function expects the handshake to fail. Here `Context.set_min_proto_version` fails already, with
# `OpenSSL.SSL.Error: []`, outside its `try`. mitmdump prints a traceback and ends with status 1; without the option it
# listens. A gateway's operator meets it who wants to hold clients to TLS 1.2. Remedy: newer packages (mitmproxy 12.3.1
# with pyOpenSSL 26.4.0 listens), or leave the option out.
#
#   findings/mitmproxy-tls-version-client-max.sh     needs Python >= 3.12 with venv, and PyPI; about a minute
#
# Exit status 0 while it is so, 1 when it has changed.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mitmproxy==12.2.3 pyopenssl==26.2.0 cryptography==48.0.1

# Starts mitmdump with the option for at most 10 s; prints what it said.
started() {
  timeout 10 "$folder/venv/bin/mitmdump" --listen-host 127.0.0.1 --listen-port 0 --set confdir="$folder/conf" "$@" 2>&1 || true
}

plain=$(started)
for value in UNBOUNDED TLS1_3 TLS1_2; do
  told=$(started --set "tls_version_client_max=$value")
  printf '%s\n' "$told" | tail -n 2
  case $told in
    *"OpenSSL.SSL.Error: []"*"Error logged during startup, exiting..."*) ;;
    *) echo "changed: tls_version_client_max=$value no longer ends mitmproxy"; exit 1 ;;
  esac
done
case $plain in
  *"proxy listening"*) echo "as described: without the option it listens, with it it ends" ;;
  *) echo "changed: mitmproxy does not listen without the option either"; exit 1 ;;
esac
