#!/bin/sh
# Cloudflare's runtime, which ends when the clock that started it does, however that ends.
exec setpriv --pdeathsig KILL -- "$PITCHBAR_WORKERD" "$@"
