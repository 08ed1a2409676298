# Runs as root inside new mount and process namespaces, then becomes the command in "$@".
# The new /var is built aside first, because what is bound into it may itself lie below /var, /opt or /tmp.
set -e
echo 0 >"$SANDBOX_GROUP"
mount --make-rprivate /
mount -t tmpfs -o size=1m,mode=755 tmpfs "$SANDBOX_STAGE"
cd "$SANDBOX_STAGE"
mkdir task runtime lang layers scratch
bind() {
  mount --bind "$1" "$2"
  mount -o "remount,bind,ro" "$2"
}
bind "$SANDBOX_CODE" task
bind "$SANDBOX_RUNTIME" runtime
bind "$SANDBOX_PYTHON" lang
bind "$SANDBOX_LAYERS" layers
mount -t tmpfs -o "size=${SANDBOX_SCRATCH_MB}m,mode=1777" tmpfs scratch
exec 9<"$SANDBOX_EMULATOR"
# Lambda brings no OpenMP library: a package that needs one must carry it.
for library in /usr/lib/*/libgomp.so.1 /usr/lib64/libgomp.so.1; do
  if [ -e "$library" ]; then mount --bind /dev/null "$library"; fi
done
mount --rbind . /var
cd /var
mount --bind scratch /tmp
mount --bind layers /opt
cd /
mount -o remount,bind,ro /
unset SANDBOX_STAGE SANDBOX_CODE SANDBOX_RUNTIME SANDBOX_PYTHON SANDBOX_LAYERS SANDBOX_SCRATCH_MB SANDBOX_EMULATOR SANDBOX_GROUP
cd /var/task
exec "$@"
