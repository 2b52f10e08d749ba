package push

// Codes of refusals and ends. Programs rely on them; their texts may change.
const (
	CodeInvalidJSON      = "invalid_json"
	CodeUnknownField     = "unknown_field"
	CodeInvalidDomain    = "invalid_domain"
	CodeInvalidPrice     = "invalid_price"
	CodeInvalidAccount   = "invalid_account"
	CodeInvalidValidity  = "invalid_validity"
	CodeInvalidPushID    = "invalid_push_id"
	CodeInvalidCommandID = "invalid_command_id"
	CodeUnknownHeader    = "unknown_header"
	CodeTooLarge         = "too_large"
	CodeReasonRequired   = "reason_required"
	CodeUnknownVerb      = "unknown_verb"

	CodeInvalidStep       = "invalid_step"
	CodeInvalidPlace      = "invalid_place"
	CodeInvalidDecision   = "invalid_decision"
	CodeInvalidRegistrant = "invalid_registrant"
	CodeReferenceRequired = "reference_required"
	CodeNotWaiting        = "not_waiting"
	CodePlaceDiffers      = "place_differs"

	CodePushExists       = "push_exists"
	CodePushNotFound     = "push_not_found"
	CodeNotYourPush      = "not_your_push"
	CodeAlreadyAccepted  = "already_accepted"
	CodeAlreadyEnded     = "already_ended"
	CodeCompletedIsFinal = "completed_is_final"
	CodeCommandIDReused  = "command_id_reused"
	CodeTotalChanged     = "total_changed"
	CodeRateLimited      = "rate_limited"
	CodeUnavailable      = "unavailable"

	CodeBuyerIsSeller      = "buyer_is_seller"
	CodeBuyerUnknown       = "buyer_unknown"
	CodeSellerNotVerified  = "seller_not_verified"
	CodeSellerNoAlipay     = "seller_no_alipay"
	CodeSellerNoMerchant   = "seller_no_merchant"
	CodeBuyerNoAlipay      = "buyer_no_alipay"
	CodeBelowPayoutMinimum = "below_payout_minimum"
	CodeAbovePayment       = "above_payment_maximum"
	CodeAbovePayout        = "above_payout_maximum"
	CodeBatchEmpty         = "batch_empty"
	CodeBatchTooLarge      = "batch_too_large"
	CodeDuplicateDomain    = "duplicate_domain"
	CodeValidityTooLong    = "validity_too_long"

	CodeNotOwner             = "not_owner"
	CodeTooYoung             = "too_young"
	CodeDomainExpired        = "domain_expired"
	CodeAccountMoveLocked    = "account_move_locked"
	CodeProductNotTradable   = "product_not_tradable"
	CodePendingOperation     = "pending_operation"
	CodePublishingRestricted = "publishing_restricted"
	CodeAlreadyOnSale        = "already_on_sale"

	CodeDomainGone        = "domain_gone"
	CodeAccountMoved      = "account_moved"
	CodeRegistrantChanged = "registrant_changed"
	CodeBlacklisted       = "blacklisted"
	CodeAuthCodeIssued    = "auth_code_issued"
	CodePolicyViolation   = "policy_violation"
	CodeTakenDown         = "taken_down"
	CodeCreditFunding     = "credit_funding"
	CodeUnknownChannel    = "unknown_channel"
	CodeSourcesUntold     = "sources_untold"
	CodeMoveRefused       = "move_refused"
	CodeHoldRefused       = "hold_refused"
	CodeBuyerActed        = "buyer_acted"
	CodePayeeChanged      = "payee_changed"
)

// Words are the same in English and in Chinese.
type Words struct{ EN, ZH string }

// Message is the sentence for a code in English and Chinese; empty for an unknown code.
func Message(code string) (en, zh string) {
	text := messages[code]
	return text.EN, text.ZH
}

// Words are those for the status; both are empty for an unknown one.
func (s Status) Words() Words { return statuses[s] }

// statuses are here because refusals speak of them; all other words are package words'.
var statuses = map[Status]Words{
	StatusOffered:     {"Offered", "待接收"},
	StatusAccepted:    {"Awaiting payment", "待付款"},
	StatusPaid:        {"Delivering", "交割中"},
	StatusCompleted:   {"Completed", "交易成功"},
	StatusWithdrawn:   {"Withdrawn", "已撤回"},
	StatusDeclined:    {"Declined", "已拒绝"},
	StatusExpired:     {"Expired", "已过期"},
	StatusInvalidated: {"Invalidated", "已失效"},
	StatusRefunded:    {"Refunded", "已退款"},
}

// messages name the domain, where they speak of one, as "the domain" and 域名, so that
// package words can put its name there.
var messages = map[string]Words{
	CodeInvalidJSON:      {"the body is not one valid JSON object of this command", "请求内容不是该命令的合法 JSON 对象"},
	CodeUnknownField:     {"the body has a field that this command does not know", "请求中含有该命令不支持的字段"},
	CodeInvalidDomain:    {"this is not a domain name that can be sold here", "域名格式不正确，或不是可交易的域名"},
	CodeInvalidPrice:     {"a price is a decimal text of at least 0 with at most two decimals, such as \"1999.00\"", "价格须为不小于 0、最多两位小数的文本，例如 \"1999.00\""},
	CodeInvalidAccount:   {"an account id has 1 to 64 characters of A-Z a-z 0-9 _ -", "账户编号须为 1 至 64 位字母、数字、下划线或连字符"},
	CodeInvalidValidity:  {"valid_for is a positive duration such as \"72h\", expires_at a time in the future; give at most one of them", "valid_for 须为正的时长（如 \"72h\"），expires_at 须为将来的时间，二者至多填一项"},
	CodeInvalidPushID:    {"a push id has 1 to 64 characters of A-Z a-z 0-9 _ -", "push 编号须为 1 至 64 位字母、数字、下划线或连字符"},
	CodeUnknownHeader:    {"a submitted command cannot expect anything of the queue", "提交的命令不支持对队列的预期"},
	CodeInvalidCommandID: {"Command-Id is a UUID", "Command-Id 须为 UUID"},
	CodeTooLarge:         {"the command or one of its texts is too long", "命令内容或其中的文字超出长度限制"},
	CodeReasonRequired:   {"this command needs a reason", "该命令必须填写原因"},
	CodeUnknownVerb:      {"there is no such command", "没有这个命令"},

	CodeInvalidStep:       {"step is payout, refund (of a stray with its request_no), check_funding, return, reversal or buyer_act (these three with a domain)", "step 须为 payout（打款）、refund（退款；误入款须填 request_no）、check_funding（核实资金来源）、return（退回域名）、reversal（交割被撤销）或 buyer_act（买家处置域名），后三者须填 domain"},
	CodeInvalidPlace:      {"a domain that is returned by hand is at the place \"returned\" or \"gone\"; no other step has a place", "人工退回域名时，place 须为 \"returned\"（已退回）或 \"gone\"（已不在双方账户）；其他步骤不填 place"},
	CodeInvalidDecision:   {"what the buyer has done is settled by the decision \"pay_seller\" or \"refund_buyer\", a payment of unknown source by \"accept_payment\" or \"refund_buyer\"; no other step has a decision", "买家处置域名后人工处理时，decision 须为 \"pay_seller\"（打款给卖家）或 \"refund_buyer\"（退款给买家）；核实资金来源时须为 \"accept_payment\"（确认收款）或 \"refund_buyer\"（退款给买家）；其他步骤不填 decision"},
	CodeInvalidRegistrant: {"a registrant is the id of a template, 1 to 64 characters of A-Z a-z 0-9 _ -", "registrant 须为信息模板编号，1 至 64 位字母、数字、下划线或连字符"},
	CodeReferenceRequired: {"settling by hand needs a reference to where it is documented", "人工处理必须填写凭证号"},
	CodeNotWaiting:        {"this step does not wait for a person", "该步骤并未等待人工处理"},
	CodePlaceDiffers:      {"the registrar says that the domain is elsewhere", "注册商显示该域名不在所填位置"},

	CodePushExists:       {"a push of this id exists already", "该编号的 push 已存在"},
	CodePushNotFound:     {"there is no such push, or it is not yours to see", "没有这个 push，或您无权查看"},
	CodeNotYourPush:      {"this command is not yours to give for this push", "您无权对该 push 执行此操作"},
	CodeAlreadyAccepted:  {"the buyer has accepted this push already", "买家已接收该 push"},
	CodeAlreadyEnded:     {"this push has ended", "该 push 已结束"},
	CodeCompletedIsFinal: {"this push has been delivered and is final: neither domain nor money comes back", "该 push 的域名已全部交割，一经成交，域名与款项均不可退回"},
	CodeCommandIDReused:  {"this Command-Id was used before with another body", "该 Command-Id 已用于内容不同的命令"},
	CodeTotalChanged:     {"the total is not the one that was offered", "总价与卖家填写的转让价格不一致"},
	CodeRateLimited:      {"too many commands from this account; try again shortly", "该账户的命令过于频繁，请稍后再试"},
	CodeUnavailable:      {"the service cannot do this right now; it is safe to try again with the same Command-Id", "服务暂时不可用，可使用同一 Command-Id 安全重试"},

	CodeBuyerIsSeller:      {"seller and buyer are the same account", "买家与卖家不能是同一账户"},
	CodeBuyerUnknown:       {"the buyer's account does not exist", "买家账户不存在"},
	CodeSellerNotVerified:  {"the seller has not passed real-name verification", "卖家尚未通过实名认证"},
	CodeSellerNoAlipay:     {"the seller has no Alipay account bound", "卖家尚未绑定支付宝账户"},
	CodeSellerNoMerchant:   {"the seller is not set up as a merchant at Alipay, to which alone this platform pays", "卖家尚未开通支付宝二级商户，本平台无法向其结算"},
	CodeBuyerNoAlipay:      {"the buyer has no Alipay account bound from which it could pay itself", "买家尚未绑定支付宝账户，无法由本人付款"},
	CodeBelowPayoutMinimum: {"a total is 0, or leaves the seller at least 0.10: Alipay cannot pay out 0.01 to 0.09", "总价须为 0，或使卖家所得不低于 0.10 元：0.01 至 0.09 元支付宝无法打款"},
	CodeAbovePayment:       {"a push may not exceed 100,000,000.00", "单个 push 总价不得超过 100,000,000.00 元"},
	CodeAbovePayout:        {"the seller would receive more than Alipay pays out at once to an account of its kind", "卖家所得超出支付宝单笔打款限额"},
	CodeBatchEmpty:         {"a push needs at least one domain", "一个 push 至少包含一个域名"},
	CodeBatchTooLarge:      {"a push may hold at most 500 domains", "一个 push 最多包含 500 个域名"},
	CodeDuplicateDomain:    {"this domain stands in the push more than once", "该域名在同一 push 中重复出现"},
	CodeValidityTooLong:    {"an offer is valid for at most 7×24 hours", "push 的有效期最长为 7×24 小时"},

	CodeNotOwner:             {"the domain is not in the seller's account", "域名不在卖家账户下"},
	CodeTooYoung:             {"the domain was registered too recently to be sold", "域名注册时间过短，暂不能交易"},
	CodeDomainExpired:        {"the domain has expired", "域名已过期"},
	CodeAccountMoveLocked:    {"moves between accounts are restricted for the domain", "域名被限制账户间转移"},
	CodeProductNotTradable:   {"this kind of domain cannot be traded", "该类型的域名不可交易"},
	CodePendingOperation:     {"the domain has unfinished business, such as a change of registrant or a transfer out", "域名有未完成的业务，例如过户中或转出中"},
	CodePublishingRestricted: {"the domain is under arbitration, in dispute, illegal or otherwise restricted", "域名处于仲裁、争议、非法或其他限制发布的状态"},
	CodeAlreadyOnSale:        {"the domain is already in a priced push or another trade, such as a fixed price", "域名已在带价 push、一口价或其他交易中"},

	CodeDomainGone:        {"the domain no longer exists or is leaving this registrar", "域名已不存在，或已（正在）转出本注册商"},
	CodeAccountMoved:      {"the domain was moved to another account", "域名发生了账户间转移"},
	CodeRegistrantChanged: {"the domain's registrant changed", "域名发生了过户"},
	CodeBlacklisted:       {"the domain was blacklisted", "域名已被列入黑名单"},
	CodeAuthCodeIssued:    {"the domain's transfer password was obtained", "域名的转移密码已被获取"},
	CodePolicyViolation:   {"the domain breaks a rule of the registry or of the law", "域名违反上游管理机构的政策或法规"},
	CodeTakenDown:         {"an operator took this push down", "该 push 已被运营人员下架"},
	CodeCreditFunding:     {"the payment came from a credit channel, which is not allowed", "买家付款来自不支持的信用类支付账户"},
	CodeUnknownChannel:    {"the payment came from a channel that is not known to be money, which is not allowed", "买家付款来自未识别的支付渠道，不予接受"},
	CodeSourcesUntold:     {"Alipay does not say from which source the payment came", "支付宝未告知付款的资金来源"},
	CodeMoveRefused:       {"the registrar refused to move the domain to the buyer", "注册商拒绝将域名转入买家账户"},
	CodeHoldRefused:       {"the registrar refused to hold the domain while it is delivered", "注册商拒绝在交割期间锁定域名"},
	CodePayeeChanged:      {"the seller's Alipay account has changed, and Alipay does not say that the payout to the one before has failed: it may still be made. Bind the account of before and retry, or find out at Alipay, pay otherwise and settle", "卖家的支付宝账户已变更，而支付宝未确认此前的打款已失败，该笔打款仍可能完成；请恢复原账户后重试，或向支付宝核实后另行打款并人工处理"},
	CodeBuyerActed:        {"the buyer has moved the domain on, or done something else with it, before the push was completed", "交易完成前，买家已处置转入其账户的域名"},
}
