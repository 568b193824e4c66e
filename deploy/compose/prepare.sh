#!/bin/sh
# Make the keys of four members and the genesis file of their chain in ./network, for
# compose.yml beside this file or for deploy/kubernetes. For trying: in a real network each
# member makes its own key on its own machine, and only cards travel (docs/operations.md,
# section 1).
#
#   SCRIP=path/to/scrip PEERS="{}:7601" NAME=northside ./prepare.sh
#
# {} in PEERS stands for the member's name, which is its host in the container network.
set -eu
SCRIP=${SCRIP:-scrip}
PEERS=${PEERS:-{\}:7601}
NAME=${NAME:-northside}
OUT=${OUT:-network}
MEMBERS="mall bakery books pay"

[ ! -e "$OUT" ] || { echo "prepare.sh: $OUT is there already: its keys are somebody's" >&2; exit 1; }
umask 077
mkdir -p "$OUT"
cards=
table=
number=0
for member in $MEMBERS; do
	home=$OUT/$member
	address=$(printf %s "$PEERS" | sed "s/{}/$member/")
	# Admin keys sign for a member. They stay here, and go into no container.
	admin=$("$SCRIP" key new admin --kind member --unencrypted --home "$home" -o json | sed -n 's/.*"address": "\(.*\)".*/\1/p')
	validator=$("$SCRIP" init --home "$home" -o json | sed -n 's/.*"validator": "\(.*\)".*/\1/p')
	"$SCRIP" genesis card --name "$member" --role merchant,issuer,mall --validator "$validator" --admin "$admin" \
		--address "$address" --funding EUR=50000.00 >"$OUT/$member.card.json"
	cards="$cards $OUT/$member.card.json"
	table="$table${table:+,}$number=$address"
	number=$((number + 1))
done
# shellcheck disable=SC2086 # the names have no spaces
"$SCRIP" genesis create --chain "$NAME" $cards >"$OUT/genesis.json"
chmod 0644 "$OUT/genesis.json"
chmod 0711 "$OUT"
for member in $MEMBERS; do
	# The group of whoever runs this may read the key: containers are put into it.
	mv "$OUT/$member/validator.key" "$OUT/$member.key"
	chmod 0440 "$OUT/$member.key"
done
printf 'SCRIP_PEERS=%s\nSCRIP_GID=%s\n' "$table" "$(id -g)" >"$OUT/settings.env"
echo "$OUT: keys, cards and genesis.json of $NAME"
