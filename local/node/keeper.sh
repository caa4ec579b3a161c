# Ends the process groups it was told of as soon as its standard input ends, which is when the node is gone, however it
# went. The node says `add GROUP`, `del GROUP` and, when all are ended, `bye`.
groups=
while read -r word group; do
  case $word in
    add) groups="$groups $group" ;;
    del)
      rest=
      for each in $groups; do [ "$each" = "$group" ] || rest="$rest $each"; done
      groups=$rest
      ;;
    bye) exit 0 ;;
  esac
done

living() {
  rest=
  for each in $groups; do kill -0 "-$each" 2>/dev/null && rest="$rest $each"; done
  groups=$rest
  [ -n "$groups" ]
}

for each in $groups; do kill -TERM "-$each" 2>/dev/null; done
tries=0
while living && [ "$tries" -lt 50 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
for each in $groups; do kill -KILL "-$each" 2>/dev/null; done
