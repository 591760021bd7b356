/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a virtual machine's ends are on its node; the console part meets them there. %s: its id. */
#ifndef INGOT_VM_VM_PATHS_H
#define INGOT_VM_VM_PATHS_H

#define VM_RUN_DIR "/run/ingot/vm"
#define VM_LOG_DIR "/var/log/ingot/vm"

/* Serial port: QEMU listens here for one peer at a time. */
#define VM_SERIAL_FORMAT VM_RUN_DIR "/%s.serial"
#define VM_VNC_FORMAT VM_RUN_DIR "/%s.vnc"

/* All the serial port has put out since this QEMU process began: the offset in the file is the number of the byte. It begins
 * anew when the machine is started, and at a node where it arrives. Of a long one the front is a hole (zeros, no room taken):
 * at least the last VM_SERIAL_KEPT_BYTES are there. */
#define VM_SERIAL_LOG_FORMAT VM_LOG_DIR "/%s.serial.log"
#define VM_SERIAL_KEPT_BYTES (1024 * 1024)

/* The seed of its cloud-init: there as long as the machine is, or is expected. */
#define VM_SEED_DIR "/var/lib/ingot/agent/seeds"
#define VM_SEED_SUFFIX ".seed.iso"
#define VM_SEED_FORMAT VM_SEED_DIR "/%s" VM_SEED_SUFFIX

#endif
