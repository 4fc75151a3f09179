#!/usr/bin/env bash
# The Kafka of the tests runs from its jars: it needs Java 17 or later, and Maven to fetch them.
set -euo pipefail

if command -v mvn >/dev/null && command -v java >/dev/null; then
  java -version 2>&1 | head -n 1
  exit 0
fi
if [[ -n ${KAFKA_BROKERS:-} ]]; then
  echo 'no Java or Maven here; the tests use KAFKA_BROKERS'
  exit 0
fi
if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
  echo 'java or mvn is missing: install Java 17 or later and Maven, or set KAFKA_BROKERS' >&2
  exit 1
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y -q --no-install-recommends maven openjdk-17-jre-headless
