# SPDX-License-Identifier: GPL-3.0-or-later
# Which modules above lib a test program is linked with.
test_bmc.modules := provisioner/bmc
test_bmc_scan.modules := provisioner/bmc
test_netboot.modules := provisioner/netboot
test_netboot_listener.modules := provisioner/netboot
STORE_MODULES := provisioner/store
test_task.modules := $(STORE_MODULES) provisioner/task
test_outbox.modules := $(STORE_MODULES)
test_store_file.modules := $(STORE_MODULES)
test_store.modules := $(STORE_MODULES)
# All that decides, on drivers of the test.
RACK_MODULES := $(filter-out provisioner/daemon provisioner/api provisioner/auth,$(filter provisioner/%,$(PROVISIONER_MODULES)))
test_machine_fsm.modules := $(RACK_MODULES)
test_machine.modules := $(RACK_MODULES)
test_machine_bmc.modules := $(RACK_MODULES)
test_scheduler.modules := $(RACK_MODULES)
test_compute.modules := $(RACK_MODULES)
test_cloud_init.modules := $(RACK_MODULES)
test_network.modules := $(RACK_MODULES)
test_migrate.modules := $(RACK_MODULES)
test_vm_stray.modules := $(RACK_MODULES)
test_storage.modules := $(RACK_MODULES)
test_image.modules := $(RACK_MODULES)
test_cluster.modules := $(RACK_MODULES)
test_join.modules := $(RACK_MODULES)
test_auth.modules := $(STORE_MODULES) provisioner/auth
test_banner.modules := $(RACK_MODULES) provisioner/auth provisioner/api provisioner/daemon
test_auth_session.modules := $(STORE_MODULES) provisioner/auth
test_config.modules := $(RACK_MODULES) provisioner/auth provisioner/api provisioner/daemon
test_parts.modules := $(agent.modules) node-agent
test_ui_files.modules := $(RACK_MODULES) provisioner/auth provisioner/api
test_tickets.modules := $(RACK_MODULES) provisioner/auth provisioner/api
test_api_console.modules := $(RACK_MODULES) provisioner/auth provisioner/api
test_api_upload.modules := $(RACK_MODULES) provisioner/auth provisioner/api
test_api_sensors.modules := $(RACK_MODULES) provisioner/auth provisioner/api
