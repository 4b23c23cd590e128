CREATE TABLE `account` (
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `account` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `balance_minor` decimal(38,0) NOT NULL,
  `version` bigint(20) unsigned NOT NULL,
  PRIMARY KEY (`tenant_no`,`partner_no`,`account`,`currency`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `act` (
  `no` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `type` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `subject_id` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `principal_kind` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `principal_id` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `request_id` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `at` datetime(3) NOT NULL,
  `detail` mediumtext DEFAULT NULL,
  `detail_sha256` binary(32) NOT NULL,
  `origin` mediumtext DEFAULT NULL,
  `address` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `origin_sha256` binary(32) NOT NULL,
  `leaf_hash` binary(32) NOT NULL,
  `tree_index` bigint(20) unsigned DEFAULT NULL,
  `partner_sequence` bigint(20) unsigned DEFAULT NULL,
  PRIMARY KEY (`no`),
  UNIQUE KEY `uq_act_partner` (`tenant_no`,`partner_no`,`partner_sequence`),
  UNIQUE KEY `uq_act_tree` (`tenant_no`,`tree_index`),
  KEY `ix_act_unnumbered` (`tree_index`),
  KEY `ix_act_subject` (`tenant_no`,`subject_id`,`at`),
  KEY `ix_act_at` (`tenant_no`,`at`),
  KEY `ix_act_type` (`tenant_no`,`type`,`at`),
  KEY `ix_act_principal` (`tenant_no`,`principal_id`,`at`),
  KEY `ix_act_of_partner` (`tenant_no`,`partner_no`,`at`),
  KEY `ix_act_request` (`tenant_no`,`request_id`,`at`),
  KEY `ix_act_address` (`tenant_no`,`address`,`at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `activity_total` (
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `period_no` int(10) unsigned NOT NULL,
  `origin_period_no` int(10) unsigned NOT NULL,
  `brand_no` int(10) unsigned NOT NULL,
  `product_no` int(10) unsigned NOT NULL,
  `kind` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `category` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `count` bigint(20) unsigned NOT NULL,
  `units` decimal(38,0) NOT NULL,
  `sum_minor` decimal(38,0) NOT NULL,
  PRIMARY KEY (`tenant_no`,`partner_no`,`period_no`,`origin_period_no`,`brand_no`,`product_no`,`kind`,`category`,`currency`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `act_sequence` (
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `last_sequence` bigint(20) unsigned NOT NULL DEFAULT 0,
  PRIMARY KEY (`tenant_no`,`partner_no`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `batch` (
  `no` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `issuer_no` int(10) unsigned NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `jti` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `jti_hash` binary(16) NOT NULL,
  `kid` varchar(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `client_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `mode` enum('INDEPENDENT','ATOMIC') NOT NULL,
  `state` enum('ACCEPTED','POSTED','PARKED','QUARANTINED','REJECTED') NOT NULL DEFAULT 'ACCEPTED',
  `item_count` int(10) unsigned NOT NULL,
  `payload_bytes` int(10) unsigned NOT NULL,
  `payload_sha256` binary(32) NOT NULL,
  `leaf_hash` binary(32) NOT NULL,
  `platform_kid` varchar(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `accepted_at` datetime(3) NOT NULL,
  `posted_at` datetime(3) DEFAULT NULL,
  `posted_count` int(10) unsigned DEFAULT NULL,
  `duplicate_count` int(10) unsigned DEFAULT NULL,
  `pending_count` int(10) unsigned DEFAULT NULL,
  `refused_count` int(10) unsigned DEFAULT NULL,
  `ledger_version` bigint(20) unsigned DEFAULT NULL,
  `tries` tinyint(3) unsigned NOT NULL DEFAULT 0,
  `parked_reason` varchar(500) DEFAULT NULL,
  `encryption_kid` varchar(128) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `encrypted_sha256` binary(32) DEFAULT NULL,
  `removed_at` datetime(3) DEFAULT NULL,
  `taken_count` int(10) unsigned DEFAULT NULL,
  PRIMARY KEY (`no`),
  UNIQUE KEY `uq_batch_id` (`tenant_no`,`id`),
  UNIQUE KEY `uq_batch_jti` (`tenant_no`,`issuer_no`,`jti_hash`),
  KEY `ix_batch_partner` (`tenant_no`,`partner_no`),
  KEY `ix_batch_queue` (`state`,`tenant_no`,`partner_no`,`no`,`payload_bytes`,`accepted_at`),
  KEY `ix_batch_kid` (`tenant_no`,`kid`),
  KEY `ix_batch_kept` (`tenant_no`,`partner_no`,`removed_at`),
  CONSTRAINT `fk_batch_partner` FOREIGN KEY (`tenant_no`, `partner_no`) REFERENCES `partner` (`tenant_no`, `no`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `batch_content` (
  `tenant_no` int(10) unsigned NOT NULL,
  `batch_no` bigint(20) unsigned NOT NULL,
  `envelope` mediumblob NOT NULL,
  PRIMARY KEY (`tenant_no`,`batch_no`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `batch_outcome` (
  `tenant_no` int(10) unsigned NOT NULL,
  `batch_no` bigint(20) unsigned NOT NULL,
  `outcomes` mediumblob NOT NULL,
  `outcomes_sha256` binary(32) NOT NULL,
  PRIMARY KEY (`tenant_no`,`batch_no`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `batch_quarantine` (
  `tenant_no` int(10) unsigned NOT NULL,
  `batch_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `cause` enum('ASSESSMENT','PARTNER_HELD','KEY_COMPROMISED') NOT NULL,
  `quarantined_at` datetime(3) NOT NULL,
  `decision` enum('RELEASED','REJECTED') DEFAULT NULL,
  `decided_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `decided_at` datetime(3) DEFAULT NULL,
  `reason` varchar(500) DEFAULT NULL,
  PRIMARY KEY (`tenant_no`,`batch_id`),
  KEY `ix_batch_quarantine_open` (`tenant_no`,`decision`,`batch_id`),
  KEY `fk_batch_quarantine_partner` (`tenant_no`,`partner_no`),
  CONSTRAINT `fk_batch_quarantine_partner` FOREIGN KEY (`tenant_no`, `partner_no`) REFERENCES `partner` (`tenant_no`, `no`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `brand` (
  `no` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `code` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `name` varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL,
  PRIMARY KEY (`no`),
  UNIQUE KEY `uq_brand_code` (`tenant_no`,`partner_no`,`code`),
  UNIQUE KEY `uq_brand_id` (`tenant_no`,`id`),
  CONSTRAINT `fk_brand_partner` FOREIGN KEY (`tenant_no`, `partner_no`) REFERENCES `partner` (`tenant_no`, `no`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `client` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `partner_id` char(30) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `kind` enum('PARTNER','TENANT','OPERATOR') NOT NULL,
  `name` varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL,
  `scope_list` varchar(500) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `dpop_bound_access_tokens` tinyint(1) NOT NULL DEFAULT 0,
  `created_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  UNIQUE KEY `uq_client_id` (`id`),
  KEY `fk_client_partner` (`tenant_id`,`partner_id`),
  CONSTRAINT `fk_client_partner` FOREIGN KEY (`tenant_id`, `partner_id`) REFERENCES `partner` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION,
  CONSTRAINT `fk_client_tenant` FOREIGN KEY (`tenant_id`) REFERENCES `tenant` (`id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `client_key` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `client_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `partner_id` char(30) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `kid` varchar(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `alg` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `purpose_list` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `public_jwk` mediumtext NOT NULL,
  `thumbprint` binary(32) NOT NULL,
  `state` enum('PENDING_APPROVAL','ACTIVE','SUSPENDED','EXPIRED','REVOKED') NOT NULL DEFAULT 'ACTIVE',
  `created_at` datetime(3) NOT NULL,
  `revoked_at` datetime(3) DEFAULT NULL,
  `not_before` datetime(3) DEFAULT NULL,
  `expires_at` datetime(3) DEFAULT NULL,
  `registered_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `approved_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `approved_at` datetime(3) DEFAULT NULL,
  `replaces_id` char(30) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `overlap_seconds` int(10) unsigned DEFAULT NULL,
  `state_reason` varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci DEFAULT NULL,
  `compromised_at` datetime(3) DEFAULT NULL,
  `last_used_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  UNIQUE KEY `uq_client_key_kid` (`tenant_id`,`kid`),
  UNIQUE KEY `uq_client_key_thumbprint` (`thumbprint`),
  KEY `fk_client_key_client` (`tenant_id`,`client_id`),
  KEY `ix_client_key_expiry` (`expires_at`),
  CONSTRAINT `fk_client_key_client` FOREIGN KEY (`tenant_id`, `client_id`) REFERENCES `client` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `client_policy` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `client_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `rate_points` int(10) unsigned DEFAULT NULL,
  `trusted_documents_only` tinyint(1) NOT NULL DEFAULT 0,
  `changed_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_id`,`client_id`),
  CONSTRAINT `fk_client_policy_client` FOREIGN KEY (`tenant_id`, `client_id`) REFERENCES `client` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `collection` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `partner_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `state` enum('PENDING_APPROVAL','COLLECTED','REFUSED','RETURNED') NOT NULL DEFAULT 'PENDING_APPROVAL',
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `amount_minor` decimal(38,0) NOT NULL,
  `returned_minor` decimal(38,0) NOT NULL DEFAULT 0,
  `bank_reference` varchar(140) NOT NULL,
  `value_on` date NOT NULL,
  `recorded_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `recorded_at` datetime(3) NOT NULL,
  `decided_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `decided_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  KEY `ix_collection_partner` (`tenant_id`,`partner_id`,`currency`,`state`),
  KEY `ix_collection_reference` (`tenant_id`,`bank_reference`),
  CONSTRAINT `fk_collection_partner` FOREIGN KEY (`tenant_id`, `partner_id`) REFERENCES `partner` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `configuration` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `partner_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `version` int(10) unsigned NOT NULL,
  `state` enum('DRAFT','PENDING_APPROVAL','ACTIVE','SUPERSEDED') NOT NULL DEFAULT 'DRAFT',
  `document` mediumtext NOT NULL,
  `document_sha256` binary(32) NOT NULL,
  `drafted_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `drafted_at` datetime(3) NOT NULL,
  `activated_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `activated_at` datetime(3) DEFAULT NULL,
  `effective_from` datetime(3) DEFAULT NULL,
  `mid_period` enum('NEXT_PERIOD','SPLIT') NOT NULL DEFAULT 'NEXT_PERIOD',
  `submitted_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `submitted_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  UNIQUE KEY `uq_configuration_version` (`tenant_id`,`partner_id`,`version`),
  CONSTRAINT `fk_configuration_partner` FOREIGN KEY (`tenant_id`, `partner_id`) REFERENCES `partner` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `credit_lot` (
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `no` int(10) unsigned NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `dedupe` binary(16) NOT NULL,
  `code` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `priority` smallint(5) unsigned DEFAULT NULL,
  `expires_at` datetime(3) DEFAULT NULL,
  `bought_at` datetime(3) NOT NULL,
  `face_minor` bigint(20) NOT NULL,
  `cost_minor` bigint(20) NOT NULL,
  `remaining_minor` bigint(20) NOT NULL,
  `drawn_minor` bigint(20) NOT NULL,
  `settled_minor` bigint(20) NOT NULL,
  `expired_minor` bigint(20) NOT NULL,
  `level_minor` decimal(38,0) NOT NULL,
  `period_no` int(10) unsigned NOT NULL,
  `taken_back_period_no` int(10) unsigned DEFAULT NULL,
  `last_drawn_entry_no` bigint(20) unsigned NOT NULL,
  `is_open` tinyint(4) NOT NULL,
  PRIMARY KEY (`tenant_no`,`partner_no`,`no`),
  UNIQUE KEY `uq_credit_lot_id` (`tenant_no`,`id`),
  UNIQUE KEY `uq_credit_lot_dedupe` (`dedupe`),
  KEY `ix_credit_lot_open` (`tenant_no`,`partner_no`,`is_open`),
  KEY `ix_credit_lot_expiry` (`expires_at`,`remaining_minor`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `credit_move` (
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `entry_no` bigint(20) unsigned NOT NULL,
  `lot_no` int(10) unsigned NOT NULL,
  `kind` enum('BOUGHT','TAKEN_BACK','DRAWN','DRAWN_MET','MET','EXPIRED') NOT NULL,
  `period_no` int(10) unsigned NOT NULL,
  `amount_minor` bigint(20) NOT NULL,
  PRIMARY KEY (`tenant_no`,`partner_no`,`entry_no`,`lot_no`,`kind`),
  KEY `ix_credit_move_period` (`tenant_no`,`partner_no`,`period_no`,`kind`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `credit_terms` (
  `tenant_no` int(10) unsigned NOT NULL,
  `configuration_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `draw_at` enum('POSTING','SETTLEMENT') NOT NULL,
  `when_exhausted` enum('BLOCK','CREDIT_LINE','POSTPAY_OVERAGE') NOT NULL,
  `credit_limit_minor` bigint(20) NOT NULL,
  `low_water` varchar(32) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  PRIMARY KEY (`tenant_no`,`configuration_id`,`currency`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `data_key` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `master_key` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `sealed` varbinary(1024) NOT NULL,
  `wrapped_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_id`),
  CONSTRAINT `fk_data_key_tenant` FOREIGN KEY (`tenant_id`) REFERENCES `tenant` (`id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `dispute` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `statement_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `reply_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `state` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `opened_at` datetime(3) NOT NULL,
  `outcome` varchar(32) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `adjustment_minor` decimal(38,0) DEFAULT NULL,
  `answer` mediumtext DEFAULT NULL,
  `answered_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `approved_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `decided_at` datetime(3) DEFAULT NULL,
  `adjustment_period_no` int(10) unsigned DEFAULT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  KEY `ix_dispute_statement` (`tenant_id`,`statement_id`,`id`),
  KEY `ix_dispute_partner` (`tenant_id`,`partner_id`,`id`),
  KEY `ix_dispute_adjustment` (`tenant_no`,`adjustment_period_no`),
  CONSTRAINT `fk_dispute_partner` FOREIGN KEY (`tenant_id`, `partner_id`) REFERENCES `partner` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION,
  CONSTRAINT `fk_dispute_statement` FOREIGN KEY (`tenant_id`, `statement_id`) REFERENCES `statement` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `encryption_demand` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `partner_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `is_in_force` tinyint(1) NOT NULL,
  `changed_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_id`,`partner_id`),
  CONSTRAINT `fk_encryption_demand_partner` FOREIGN KEY (`tenant_id`, `partner_id`) REFERENCES `partner` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `entry` (
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `no` bigint(20) unsigned NOT NULL,
  `kind` enum('POSTING','STATEMENT','SET_OFF','CREDIT_EXPIRY','DISPUTE','PAYMENT','PAYMENT_RETURN','COLLECTION','COLLECTION_RETURN') NOT NULL,
  `period_no` int(10) unsigned NOT NULL,
  `batch_no` bigint(20) unsigned DEFAULT NULL,
  `statement_id` char(30) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `recorded_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_no`,`partner_no`,`no`),
  KEY `ix_entry_batch` (`tenant_no`,`batch_no`),
  KEY `ix_entry_period` (`tenant_no`,`partner_no`,`period_no`,`no`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `entry_line` (
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `entry_no` bigint(20) unsigned NOT NULL,
  `account` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `amount_minor` decimal(38,0) NOT NULL,
  PRIMARY KEY (`tenant_no`,`partner_no`,`entry_no`,`account`,`currency`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `exchange_rate` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `base` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `quote` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `type` enum('TRANSACTION','DAILY_CLOSE','PERIOD_AVG','PERIOD_CLOSE') NOT NULL,
  `source` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `as_of` datetime(3) NOT NULL,
  `rate` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `state` enum('PENDING_APPROVAL','ACTIVE','SUPERSEDED','REFUSED') NOT NULL DEFAULT 'PENDING_APPROVAL',
  `entered_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `entered_at` datetime(3) NOT NULL,
  `decided_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `decided_at` datetime(3) DEFAULT NULL,
  `used_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  KEY `ix_exchange_rate` (`tenant_id`,`base`,`quote`,`type`,`source`,`as_of`),
  CONSTRAINT `fk_exchange_rate_tenant` FOREIGN KEY (`tenant_id`) REFERENCES `tenant` (`id`) ON DELETE NO ACTION ON UPDATE NO ACTION,
  CONSTRAINT `ck_exchange_rate_used` CHECK (`used_at` is null or `state` = 'ACTIVE')
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `fine_total` (
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `period_no` int(10) unsigned NOT NULL,
  `player` binary(16) NOT NULL,
  `day` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `origin_period_no` int(10) unsigned NOT NULL,
  `brand_no` int(10) unsigned NOT NULL,
  `product_no` int(10) unsigned NOT NULL,
  `kind` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `category` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `count` bigint(20) unsigned NOT NULL,
  `units` decimal(38,0) NOT NULL,
  `sum_minor` decimal(38,0) NOT NULL,
  PRIMARY KEY (`tenant_no`,`partner_no`,`period_no`,`player`,`day`,`origin_period_no`,`brand_no`,`product_no`,`kind`,`category`,`currency`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `game_setting` (
  `no` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `code` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `category` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `game_group` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `bonus_cost` tinyint(1) DEFAULT NULL,
  `state` enum('PENDING_APPROVAL','ACTIVE','SUPERSEDED','REFUSED') NOT NULL DEFAULT 'PENDING_APPROVAL',
  `set_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `proposed_at` datetime(3) NOT NULL,
  `decided_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `set_at` datetime(3) DEFAULT NULL,
  `superseded_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`no`),
  UNIQUE KEY `uq_game_setting_id` (`tenant_no`,`id`),
  KEY `ix_game_setting_key` (`tenant_no`,`partner_no`,`code`,`set_at`),
  CONSTRAINT `fk_game_setting_tenant` FOREIGN KEY (`tenant_no`) REFERENCES `tenant` (`no`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `idempotent_answer` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `principal_id` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `idempotency_key` varchar(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `input_sha256` binary(32) NOT NULL,
  `answer` mediumtext NOT NULL,
  `created_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_id`,`principal_id`,`idempotency_key`),
  KEY `ix_idempotent_answer_age` (`created_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `lease` (
  `name` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `holder` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `token` bigint(20) unsigned NOT NULL,
  `expires_at` datetime(3) NOT NULL,
  PRIMARY KEY (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `log_anchor` (
  `tenant_no` int(10) unsigned NOT NULL,
  `name` varchar(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `size` bigint(20) unsigned NOT NULL,
  `held_at` datetime(3) DEFAULT NULL,
  `fault` varchar(32) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `waived_until` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_no`,`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `log_checkpoint` (
  `tenant_no` int(10) unsigned NOT NULL,
  `size` bigint(20) unsigned NOT NULL,
  `root` binary(32) NOT NULL,
  `note` mediumtext NOT NULL,
  `signed_at` datetime(3) NOT NULL,
  `generation` int(10) unsigned NOT NULL DEFAULT 1,
  PRIMARY KEY (`tenant_no`,`size`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `log_cosignature` (
  `tenant_no` int(10) unsigned NOT NULL,
  `size` bigint(20) unsigned NOT NULL,
  `witness` varchar(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `line` mediumtext NOT NULL,
  `cosigned_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_no`,`size`,`witness`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `log_key` (
  `tenant_no` int(10) unsigned NOT NULL,
  `generation` int(10) unsigned NOT NULL,
  `name` varchar(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `kid` varchar(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `public_jwk` mediumtext NOT NULL,
  `private_jwk_sealed` varbinary(512) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_no`,`generation`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `log_tile` (
  `tenant_no` int(10) unsigned NOT NULL,
  `level` tinyint(3) unsigned NOT NULL,
  `tile_index` bigint(20) unsigned NOT NULL,
  `hashes` varbinary(8192) NOT NULL,
  PRIMARY KEY (`tenant_no`,`level`,`tile_index`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `log_tree` (
  `tenant_no` int(10) unsigned NOT NULL,
  `size` bigint(20) unsigned NOT NULL DEFAULT 0,
  `root` binary(32) NOT NULL,
  PRIMARY KEY (`tenant_no`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `migration` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `timestamp` bigint(20) NOT NULL,
  `name` varchar(255) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `partner` (
  `no` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `tenant_no` int(10) unsigned NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `code` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `name` varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL,
  `kind` enum('GAME_PROVIDER','AGGREGATOR','CREDIT_SUPPLIER','AFFILIATE') NOT NULL,
  `timezone` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `currency_list` varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `posting_partition` tinyint(3) unsigned NOT NULL,
  `created_at` datetime(3) NOT NULL,
  PRIMARY KEY (`no`),
  UNIQUE KEY `uq_partner_code` (`tenant_id`,`code`),
  UNIQUE KEY `uq_partner_id` (`tenant_id`,`id`),
  UNIQUE KEY `uq_partner_no` (`tenant_no`,`no`),
  CONSTRAINT `fk_partner_tenant` FOREIGN KEY (`tenant_id`) REFERENCES `tenant` (`id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `payout` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `partner_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `statement_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `payee` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `attempt` int(10) unsigned NOT NULL,
  `file_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `place` int(10) unsigned NOT NULL,
  `account_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `end_to_end_id` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `amount_minor` decimal(38,0) NOT NULL,
  `execute_on` date NOT NULL,
  `state` enum('EXPORTED','PAID','PARTLY_PAID','REFUSED','RETURNED','VOIDED') NOT NULL DEFAULT 'EXPORTED',
  `paid_minor` decimal(38,0) NOT NULL DEFAULT 0,
  `returned_minor` decimal(38,0) NOT NULL DEFAULT 0,
  `changed_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  UNIQUE KEY `uq_payout_attempt` (`tenant_id`,`statement_id`,`payee`,`attempt`),
  UNIQUE KEY `uq_payout_place` (`tenant_id`,`file_id`,`place`),
  UNIQUE KEY `uq_payout_end_to_end` (`tenant_id`,`end_to_end_id`),
  KEY `ix_payout_partner` (`tenant_id`,`partner_id`,`currency`,`state`),
  KEY `fk_payout_account` (`tenant_id`,`account_id`),
  CONSTRAINT `fk_payout_account` FOREIGN KEY (`tenant_id`, `account_id`) REFERENCES `payout_account` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION,
  CONSTRAINT `fk_payout_file` FOREIGN KEY (`tenant_id`, `file_id`) REFERENCES `payout_file` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION,
  CONSTRAINT `fk_payout_partner` FOREIGN KEY (`tenant_id`, `partner_id`) REFERENCES `partner` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION,
  CONSTRAINT `fk_payout_statement` FOREIGN KEY (`tenant_id`, `statement_id`) REFERENCES `statement` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `payout_account` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `partner_id` char(30) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `payee` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `state` enum('PENDING_APPROVAL','ACTIVE','SUPERSEDED','REFUSED') NOT NULL DEFAULT 'PENDING_APPROVAL',
  `holder_name` varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL,
  `latin_name` varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL,
  `country` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `town` varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci DEFAULT NULL,
  `is_iban` tinyint(1) NOT NULL,
  `number_sealed` varbinary(128) NOT NULL,
  `number_masked` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `fingerprint` binary(32) NOT NULL,
  `bic` varchar(32) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `clearing_system` varchar(32) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `clearing_member` varchar(32) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `registered_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `registered_at` datetime(3) NOT NULL,
  `decided_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `decided_at` datetime(3) DEFAULT NULL,
  `superseded_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  KEY `ix_payout_account_use` (`tenant_id`,`partner_id`,`currency`,`payee`,`state`),
  CONSTRAINT `fk_payout_account_partner` FOREIGN KEY (`tenant_id`, `partner_id`) REFERENCES `partner` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION,
  CONSTRAINT `fk_payout_account_tenant` FOREIGN KEY (`tenant_id`) REFERENCES `tenant` (`id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `payout_file` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `state` enum('MADE','VOIDED') NOT NULL DEFAULT 'MADE',
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `debtor_account_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `transfers` int(10) unsigned NOT NULL,
  `total_minor` decimal(38,0) NOT NULL,
  `content_sealed` mediumblob NOT NULL,
  `sha256` binary(32) NOT NULL,
  `made_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `made_at` datetime(3) NOT NULL,
  `voided_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `voided_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  KEY `fk_payout_file_debtor` (`tenant_id`,`debtor_account_id`),
  CONSTRAINT `fk_payout_file_debtor` FOREIGN KEY (`tenant_id`, `debtor_account_id`) REFERENCES `payout_account` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION,
  CONSTRAINT `fk_payout_file_tenant` FOREIGN KEY (`tenant_id`) REFERENCES `tenant` (`id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `platform_key` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `purpose` enum('SIGNING','ENCRYPTION') NOT NULL DEFAULT 'SIGNING',
  `kid` varchar(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `public_jwk` mediumtext NOT NULL,
  `private_jwk_sealed` varbinary(4096) NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `signs_from` datetime(3) DEFAULT NULL,
  `retired_at` datetime(3) DEFAULT NULL,
  `compromised_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  UNIQUE KEY `uq_platform_key_kid` (`kid`),
  CONSTRAINT `fk_platform_key_tenant` FOREIGN KEY (`tenant_id`) REFERENCES `tenant` (`id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `posting_cursor` (
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `epoch` bigint(20) unsigned NOT NULL DEFAULT 0,
  `entry_no` bigint(20) unsigned NOT NULL DEFAULT 0,
  `recorded_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_no`,`partner_no`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `product` (
  `no` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `code` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `name` varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL,
  PRIMARY KEY (`no`),
  UNIQUE KEY `uq_product_code` (`tenant_no`,`partner_no`,`code`),
  UNIQUE KEY `uq_product_id` (`tenant_no`,`id`),
  CONSTRAINT `fk_product_partner` FOREIGN KEY (`tenant_no`, `partner_no`) REFERENCES `partner` (`tenant_no`, `no`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `retention_change` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `kind` enum('RETENTION','PLAYER_KEY') NOT NULL,
  `state` enum('PENDING_APPROVAL','ACTIVE','SUPERSEDED','REFUSED') NOT NULL DEFAULT 'PENDING_APPROVAL',
  `item_days` int(10) unsigned DEFAULT NULL,
  `origin_days` int(10) unsigned DEFAULT NULL,
  `reason` varchar(500) NOT NULL,
  `proposed_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `proposed_at` datetime(3) NOT NULL,
  `decided_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `decided_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  KEY `ix_retention_change_state` (`tenant_id`,`kind`,`state`),
  CONSTRAINT `fk_retention_change_tenant` FOREIGN KEY (`tenant_id`) REFERENCES `tenant` (`id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `reversal` (
  `original` binary(16) NOT NULL,
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `rollback` binary(16) NOT NULL,
  PRIMARY KEY (`original`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `revoked_token` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `jti` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `client_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `expires_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_id`,`jti`),
  KEY `ix_revoked_token_expiry` (`expires_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `seen_assertion` (
  `client_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `jti_hash` binary(16) NOT NULL,
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `expires_at` datetime(3) NOT NULL,
  PRIMARY KEY (`client_id`,`jti_hash`),
  KEY `ix_seen_assertion_expiry` (`expires_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `seen_proof` (
  `proof_hash` binary(16) NOT NULL,
  `expires_at` datetime(3) NOT NULL,
  PRIMARY KEY (`proof_hash`),
  KEY `ix_seen_proof_expiry` (`expires_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `settlement_incident` (
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `period_no` int(10) unsigned NOT NULL,
  `code` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `reason` varchar(500) NOT NULL,
  `tries` int(10) unsigned NOT NULL,
  `since` datetime(3) NOT NULL,
  `tried_at` datetime(3) NOT NULL,
  `next_try_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_no`,`partner_no`),
  CONSTRAINT `fk_settlement_incident_partner` FOREIGN KEY (`tenant_no`, `partner_no`) REFERENCES `partner` (`tenant_no`, `no`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `settlement_period` (
  `no` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `starts_at` datetime(3) NOT NULL,
  `ends_at` datetime(3) NOT NULL,
  `due_at` datetime(3) NOT NULL,
  `state` enum('OPEN','CLOSED','CALCULATED','STATEMENT_ISSUED','DISPUTED','APPROVED','PAYABLE','PAID','CARRIED_FORWARD','ABORTED') NOT NULL DEFAULT 'OPEN',
  `configuration_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `is_backfill` tinyint(4) NOT NULL DEFAULT 0,
  `closed_at` datetime(3) DEFAULT NULL,
  `cycle_starts_at` datetime(3) NOT NULL,
  `cycle_ends_at` datetime(3) NOT NULL,
  `grain` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  `commitment` varbinary(1704) DEFAULT NULL,
  `removed_batches` int(10) unsigned NOT NULL DEFAULT 0,
  PRIMARY KEY (`no`),
  UNIQUE KEY `uq_settlement_period_id` (`tenant_no`,`id`),
  UNIQUE KEY `uq_settlement_period_start` (`tenant_no`,`partner_no`,`starts_at`),
  KEY `ix_settlement_period_due` (`state`,`due_at`),
  KEY `ix_settlement_period_open` (`tenant_no`,`partner_no`,`state`,`starts_at`),
  CONSTRAINT `fk_settlement_period_partner` FOREIGN KEY (`tenant_no`, `partner_no`) REFERENCES `partner` (`tenant_no`, `no`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `settlement_run` (
  `tenant_no` int(10) unsigned NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `state` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `through_at` datetime(3) NOT NULL,
  `started_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `started_at` datetime(3) NOT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_no`,`id`),
  KEY `ix_settlement_run_state` (`state`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `settlement_run_partner` (
  `tenant_no` int(10) unsigned NOT NULL,
  `run_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `state` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `stage` varchar(32) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `period_id` char(30) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `periods_left` int(10) unsigned DEFAULT NULL,
  `code` varchar(32) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `reason` varchar(500) DEFAULT NULL,
  PRIMARY KEY (`tenant_no`,`run_id`,`partner_no`),
  KEY `fk_settlement_run_partner` (`tenant_no`,`partner_no`),
  CONSTRAINT `fk_settlement_run_partner` FOREIGN KEY (`tenant_no`, `partner_no`) REFERENCES `partner` (`tenant_no`, `no`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `set_off` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `creditor_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `debtor_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `owed_to_creditor_minor` decimal(38,0) NOT NULL,
  `owed_by_debtor_minor` decimal(38,0) NOT NULL,
  `amount_minor` decimal(38,0) NOT NULL,
  `set_off_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  KEY `ix_set_off_creditor` (`tenant_id`,`creditor_id`,`id`),
  KEY `ix_set_off_debtor` (`tenant_id`,`debtor_id`,`id`),
  CONSTRAINT `fk_set_off_creditor` FOREIGN KEY (`tenant_id`, `creditor_id`) REFERENCES `partner` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION,
  CONSTRAINT `fk_set_off_debtor` FOREIGN KEY (`tenant_id`, `debtor_id`) REFERENCES `partner` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `sign_in_provider` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `issuer` varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `client_id` varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `client_secret_sealed` varbinary(1024) NOT NULL,
  `name` varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL,
  `serves_all_tenants` tinyint(1) NOT NULL,
  `allows_passwords` tinyint(1) NOT NULL,
  `set_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `set_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_id`),
  CONSTRAINT `fk_sign_in_provider_tenant` FOREIGN KEY (`tenant_id`) REFERENCES `tenant` (`id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `simulated_statement` (
  `no` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `simulation_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `period_no` int(10) unsigned NOT NULL,
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `earned_before_minor` decimal(38,0) NOT NULL,
  `earned_after_minor` decimal(38,0) NOT NULL,
  `payable_before_minor` decimal(38,0) NOT NULL,
  `payable_after_minor` decimal(38,0) NOT NULL,
  `closing_before_minor` decimal(38,0) NOT NULL,
  `closing_after_minor` decimal(38,0) NOT NULL,
  `line_differences` mediumtext NOT NULL,
  `is_uncovered` tinyint(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (`no`),
  KEY `ix_simulated_statement` (`tenant_id`,`simulation_id`,`no`),
  KEY `ix_simulated_statement_partner` (`tenant_id`,`simulation_id`,`partner_no`,`currency`),
  CONSTRAINT `fk_simulated_statement_simulation` FOREIGN KEY (`tenant_id`, `simulation_id`) REFERENCES `simulation` (`tenant_id`, `id`) ON DELETE CASCADE ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `simulation` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `tenant_no` int(10) unsigned NOT NULL,
  `state` enum('RUNNING','DONE','CANCELLED','FAILED') NOT NULL DEFAULT 'RUNNING',
  `requested_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `owner_partner_id` char(30) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `requested_at` datetime(3) NOT NULL,
  `finished_at` datetime(3) DEFAULT NULL,
  `plan` mediumtext NOT NULL,
  `partners_total` int(10) unsigned NOT NULL,
  `partners_done` int(10) unsigned NOT NULL DEFAULT 0,
  `periods_total` int(10) unsigned NOT NULL,
  `periods_done` int(10) unsigned NOT NULL DEFAULT 0,
  `refusals` mediumtext NOT NULL,
  `run` int(10) unsigned NOT NULL DEFAULT 0,
  `touched_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  KEY `ix_simulation_state` (`state`,`touched_at`),
  CONSTRAINT `fk_simulation_tenant` FOREIGN KEY (`tenant_id`) REFERENCES `tenant` (`id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `statement` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `period_no` int(10) unsigned NOT NULL,
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `starts_at` datetime(3) NOT NULL,
  `ends_at` datetime(3) NOT NULL,
  `issued_at` datetime(3) NOT NULL,
  `configuration_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `base` varchar(800) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `carry_in` varchar(800) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `carry_out` varchar(800) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `opening_minor` decimal(38,0) NOT NULL,
  `earned_minor` decimal(38,0) NOT NULL,
  `adjustments_minor` decimal(38,0) NOT NULL,
  `payable_minor` decimal(38,0) NOT NULL,
  `closing_minor` decimal(38,0) NOT NULL,
  `jws` mediumtext NOT NULL,
  `payment_due_on` date DEFAULT NULL,
  `state` enum('OPEN','CLOSED','CALCULATED','STATEMENT_ISSUED','DISPUTED','APPROVED','PAYABLE','PAID','CARRIED_FORWARD','ABORTED') NOT NULL DEFAULT 'STATEMENT_ISSUED',
  `disputable_until` datetime(3) NOT NULL,
  `advances_at` datetime(3) DEFAULT NULL,
  `approved_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `acknowledged_at` datetime(3) DEFAULT NULL,
  `paid_out_minor` decimal(38,0) NOT NULL,
  `set_off_minor` decimal(38,0) NOT NULL DEFAULT 0,
  PRIMARY KEY (`tenant_id`,`id`),
  UNIQUE KEY `uq_statement_period` (`tenant_no`,`period_no`,`currency`),
  KEY `ix_statement_chain` (`tenant_no`,`partner_no`,`currency`,`ends_at`),
  KEY `ix_statement_advances` (`advances_at`),
  KEY `ix_statement_payable` (`tenant_no`,`state`,`currency`,`partner_no`),
  CONSTRAINT `fk_statement_partner` FOREIGN KEY (`tenant_no`, `partner_no`) REFERENCES `partner` (`tenant_no`, `no`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `statement_reply` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `partner_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `statement_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `kind` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `dispute_id` char(30) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `jti` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `kid` varchar(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `payload_sha256` binary(32) NOT NULL,
  `jws` mediumtext NOT NULL,
  `received_at` datetime(3) NOT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  UNIQUE KEY `uq_statement_reply_jti` (`tenant_id`,`partner_id`,`jti`),
  KEY `ix_statement_reply_statement` (`tenant_id`,`statement_id`),
  CONSTRAINT `fk_statement_reply_partner` FOREIGN KEY (`tenant_id`, `partner_id`) REFERENCES `partner` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION,
  CONSTRAINT `fk_statement_reply_statement` FOREIGN KEY (`tenant_id`, `statement_id`) REFERENCES `statement` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `taken_id` (
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `dedupe` binary(16) NOT NULL,
  `content_hash` binary(16) NOT NULL,
  `batch_no` bigint(20) unsigned NOT NULL DEFAULT 0,
  `reverses` binary(16) DEFAULT NULL,
  PRIMARY KEY (`tenant_no`,`partner_no`,`dedupe`),
  KEY `ix_taken_id_batch` (`tenant_no`,`partner_no`,`batch_no`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `tenant` (
  `no` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `name` varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL,
  `player_key_sealed` varbinary(128) NOT NULL,
  `player_key_since` datetime(3) DEFAULT NULL,
  `ledger_epoch` int(10) unsigned NOT NULL DEFAULT 1,
  `created_at` datetime(3) NOT NULL,
  PRIMARY KEY (`no`),
  UNIQUE KEY `uq_tenant_id` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `threat_assessment` (
  `tenant_no` int(10) unsigned NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `subject` enum('BATCH','CLIENT','PARTNER') NOT NULL,
  `subject_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `client_id` char(30) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `verdict` enum('PASS','REVIEW','QUARANTINE') NOT NULL,
  `score` int(10) unsigned NOT NULL,
  `review_at` int(10) unsigned NOT NULL,
  `quarantine_at` int(10) unsigned NOT NULL,
  `rules_id` char(30) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `contributions` mediumtext NOT NULL,
  `assessed_at` datetime(3) NOT NULL,
  `judgement` enum('CONFIRMED','DISMISSED') DEFAULT NULL,
  `judged_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `judged_at` datetime(3) DEFAULT NULL,
  `judgement_reason` varchar(500) DEFAULT NULL,
  PRIMARY KEY (`tenant_no`,`id`),
  KEY `ix_threat_assessment_subject` (`tenant_no`,`subject_id`),
  KEY `ix_threat_assessment_partner` (`tenant_no`,`partner_no`,`id`),
  CONSTRAINT `fk_threat_assessment_tenant` FOREIGN KEY (`tenant_no`) REFERENCES `tenant` (`no`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `threat_block` (
  `tenant_no` int(10) unsigned NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `subject` enum('BATCH','CLIENT','PARTNER') NOT NULL,
  `subject_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `assessment_id` char(30) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `reason` varchar(500) NOT NULL,
  `blocked_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `blocked_at` datetime(3) NOT NULL,
  `expires_at` datetime(3) DEFAULT NULL,
  `lifted_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `lifted_at` datetime(3) DEFAULT NULL,
  `lift_reason` varchar(500) DEFAULT NULL,
  `standing` tinyint(3) unsigned DEFAULT NULL,
  PRIMARY KEY (`tenant_no`,`id`),
  UNIQUE KEY `uq_threat_block_standing` (`tenant_no`,`subject_id`,`standing`),
  KEY `ix_threat_block_standing` (`standing`,`expires_at`),
  CONSTRAINT `fk_threat_block_tenant` FOREIGN KEY (`tenant_no`) REFERENCES `tenant` (`no`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `threat_profile` (
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `taken_at` datetime(3) NOT NULL,
  `profile` mediumtext NOT NULL,
  PRIMARY KEY (`tenant_no`,`partner_no`),
  CONSTRAINT `fk_threat_profile_partner` FOREIGN KEY (`tenant_no`, `partner_no`) REFERENCES `partner` (`tenant_no`, `no`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `threat_rules` (
  `tenant_no` int(10) unsigned NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `version` int(10) unsigned NOT NULL,
  `state` enum('DRAFT','ACTIVE','SUPERSEDED') NOT NULL DEFAULT 'DRAFT',
  `document` mediumtext NOT NULL,
  `document_sha256` binary(32) NOT NULL,
  `drafted_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `drafted_at` datetime(3) NOT NULL,
  `activated_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `activated_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_no`,`id`),
  UNIQUE KEY `uq_threat_rules_version` (`tenant_no`,`version`),
  KEY `ix_threat_rules_state` (`state`,`tenant_no`),
  CONSTRAINT `fk_threat_rules_tenant` FOREIGN KEY (`tenant_no`) REFERENCES `tenant` (`no`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `threat_threshold` (
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `subject` enum('BATCH','CLIENT','PARTNER') NOT NULL,
  `percent` int(10) unsigned NOT NULL,
  PRIMARY KEY (`tenant_no`,`partner_no`,`subject`),
  CONSTRAINT `fk_threat_threshold_tenant` FOREIGN KEY (`tenant_no`) REFERENCES `tenant` (`no`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `transaction` (
  `no` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `tenant_no` int(10) unsigned NOT NULL,
  `partner_no` int(10) unsigned NOT NULL,
  `dedupe` binary(16) NOT NULL,
  `content_hash` binary(16) NOT NULL,
  `external_id` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `kind` enum('BET','WIN','ROLLBACK','BONUS','BONUS_BET','BONUS_WIN','JACKPOT_CONTRIBUTION','JACKPOT_WIN','FEE','CREDIT_PURCHASE','CREDIT_DRAWDOWN','ADJUSTMENT','CHARGEBACK','ACQUISITION') NOT NULL,
  `state` enum('POSTED','PENDING_ORIGINAL','REFUSED') NOT NULL,
  `brand_no` int(10) unsigned NOT NULL,
  `product_no` int(10) unsigned NOT NULL,
  `round` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `player` binary(16) DEFAULT NULL,
  `category` varchar(32) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `units` bigint(20) DEFAULT NULL,
  `amount_minor` bigint(20) NOT NULL,
  `currency` varchar(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `occurred_at` datetime(3) NOT NULL,
  `reverses` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `period_no` int(10) unsigned NOT NULL,
  `origin_period_no` int(10) unsigned NOT NULL,
  `entry_no` bigint(20) unsigned NOT NULL,
  `batch_no` bigint(20) unsigned NOT NULL,
  `item` smallint(5) unsigned NOT NULL,
  PRIMARY KEY (`no`),
  UNIQUE KEY `uq_transaction_dedupe` (`dedupe`),
  KEY `ix_transaction_period` (`tenant_no`,`partner_no`,`period_no`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `trusted_document` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `hash` binary(32) NOT NULL,
  `name` varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL,
  `text` mediumtext NOT NULL,
  `registered_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `registered_at` datetime(3) NOT NULL,
  `withdrawn_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_id`,`hash`),
  CONSTRAINT `fk_trusted_document_tenant` FOREIGN KEY (`tenant_id`) REFERENCES `tenant` (`id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `user` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `email` varchar(254) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `name` varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL,
  `role_list` varchar(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `state` enum('INVITED','ACTIVE','DISABLED') NOT NULL DEFAULT 'INVITED',
  `password_hash` varchar(200) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `failures` int(10) unsigned NOT NULL DEFAULT 0,
  `locked_until` datetime(3) DEFAULT NULL,
  `known_failures` int(10) unsigned NOT NULL DEFAULT 0,
  `known_locked_until` datetime(3) DEFAULT NULL,
  `invited_at` datetime(3) DEFAULT NULL,
  `invitation_ends_at` datetime(3) DEFAULT NULL,
  `issuer` varchar(255) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `subject` varchar(255) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `created_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `created_at` datetime(3) NOT NULL,
  `signed_in_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  UNIQUE KEY `uq_user_email` (`tenant_id`,`email`),
  UNIQUE KEY `uq_user_subject` (`tenant_id`,`issuer`,`subject`),
  CONSTRAINT `fk_user_tenant` FOREIGN KEY (`tenant_id`) REFERENCES `tenant` (`id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE `user_session` (
  `tenant_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `user_id` char(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `secret_hash` binary(32) NOT NULL,
  `method` enum('PASSWORD','PROVIDER') NOT NULL,
  `address` varchar(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `agent` varchar(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `started_at` datetime(3) NOT NULL,
  `used_at` datetime(3) NOT NULL,
  `ends_at` datetime(3) NOT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`tenant_id`,`id`),
  UNIQUE KEY `uq_user_session_secret` (`secret_hash`),
  KEY `ix_user_session_user` (`tenant_id`,`user_id`,`ended_at`),
  CONSTRAINT `fk_user_session_user` FOREIGN KEY (`tenant_id`, `user_id`) REFERENCES `user` (`tenant_id`, `id`) ON DELETE NO ACTION ON UPDATE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
