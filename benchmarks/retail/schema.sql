create schema if not exists retail;
create table retail.products (product_id bigint not null primary key, manufacturer_id bigint, department varchar(64), brand varchar(16), product_category varchar(64), product_type varchar(64), package_size varchar(32));
create table retail.demographics (household_id bigint not null primary key, age varchar(8), income varchar(16), home_ownership varchar(32), marital_status varchar(16), household_size varchar(8), household_comp varchar(32), kids_count varchar(8));
create table retail.campaign_descriptions (campaign_id bigint not null primary key, campaign_type varchar(8), start_date timestamp, end_date timestamp);
create table retail.campaigns (campaign_id bigint not null, household_id bigint not null);
create table retail.coupons (coupon_upc bigint, product_id bigint, campaign_id bigint);
create table retail.coupon_redemptions (household_id bigint, coupon_upc bigint, campaign_id bigint, redemption_date timestamp);
create table retail.transactions (household_id bigint not null distkey, store_id bigint not null, basket_id bigint not null, product_id bigint not null, quantity bigint, sales_value decimal(10,2), retail_disc decimal(10,2), coupon_disc decimal(10,2), coupon_match_disc decimal(10,2), week bigint, transaction_timestamp timestamp sortkey);
create table retail.promotions (product_id bigint not null, store_id bigint not null, display_location varchar(4), mailer_location varchar(4), week bigint not null) sortkey (week, store_id);
