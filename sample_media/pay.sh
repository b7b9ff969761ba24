#!/bin/sh
# The second half of `make demo`: from the reports of a scan to statements and a payment file. BIN: where byline is; DEMO: a folder
# with byline.db and night.jsonl.
set -e
byline="$BIN/byline"
export BYLINE_REGISTRY="$DEMO/byline.db" BYLINE_LEDGER="$DEMO/ledger.db"
samples=$(dirname "$0")

for guild in "Screen Crafts Guild" "Harbour Musicians" "Register of Hands"; do
    file=$(echo "$guild" | tr 'A-Z ' 'a-z-')
    "$byline" people issuer trust "$guild" "$samples/people/$file.pub" --by "the board" --because "a member guild" > /dev/null
done
"$byline" people verify "$samples"/people/*.jwt > "$DEMO/verified.txt"
echo "$(wc -l < "$DEMO/verified.txt" | tr -d ' ') people verified by credentials that their guilds have signed"
"$byline" people move hmg:1330 disputed --credit "music-harbour-waltz:recording engineer" --by "the society" \
    --how "another engineer claims the session" --evidence "$samples/credits.csv"
echo
"$byline" usage import "$samples/usage.csv" --vendor "Example Generator"
"$byline" residuals run --run 2026-11 --period 2026-11 --reports "$DEMO/night.jsonl" --manifest "$samples/training.csv" \
    --policy "$samples/policy.toml"
echo
"$byline" why "Bashir Nouri"
echo
"$byline" payees key new "$DEMO/payees.key"
"$byline" payees import "$samples/payees.csv" --key "$DEMO/payees.key"
"$byline" payout run --run 2026-12 --currency EUR --date 2026-12-01 --policy "$samples/policy.toml" --key "$DEMO/payees.key" \
    -o "$DEMO/payout.xml"
"$byline" statements --run 2026-11 -o "$DEMO/statements"
"$byline" ledger verify
