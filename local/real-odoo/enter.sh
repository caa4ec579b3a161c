# Becomes a program inside of a root file system, with the volumes of its container in their places. All mounts belong to
# the mount namespace that this runs in (`unshare --mount`) and go with its last process.
#
# enter.sh ROOT UID GID {PATH VOLUME rw|ro}... -- PROGRAM ARGUMENTS...
set -eu
root=$1 uid=$2 gid=$3
shift 3
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/run"
while [ "$1" != -- ]; do
  [ -e "$root$1" ] || mkdir -p "$root$1"
  # What fsGroup does to a volume that the user does not own yet.
  if [ "$3" = rw ] && [ "$(stat -L -c %u:%g "$2")" != "$uid:$gid" ]; then chown -R "$uid:$gid" "$2/"; fi
  mount --bind "$2" "$root$1"
  if [ "$3" = ro ]; then mount -o remount,bind,ro "$root$1"; fi
  shift 3
done
shift
mount -o remount,bind,ro "$root"
exec chroot --userspec="$uid:$gid" "$root" "$@"
